import { formatOptionsTable } from '@raftway/config';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryOptionsSchema } from './options';

/** A Markdown table without what a formatter changes. */
function cells(markdown: string): string {
  return markdown.replace(/-{3,}/g, '---').replace(/ *\| */g, '|');
}

describe("the registry's options", () => {
  it('are all in the README', () => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');

    expect(cells(readme)).toContain(cells(formatOptionsTable(registryOptionsSchema)));
  });
});
