import { formatOptionsTable } from '@raftway/config';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { idServiceOptionsSchema } from './options';

/** A Markdown table without what a formatter changes. */
function cells(markdown: string): string {
  return markdown.replace(/-{3,}/g, '---').replace(/ *\| */g, '|');
}

describe("the id service's options", () => {
  it('are all in the README', () => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');

    expect(cells(readme)).toContain(cells(formatOptionsTable(idServiceOptionsSchema)));
  });
});

describe('RAFTWAY_ID_EPOCH', () => {
  const epochOf = (idEpoch: string) => idServiceOptionsSchema.safeParse({ idEpoch });

  it.each(['1970-01-01T00:00:00Z', '2020-02-29T12:00:00+02:00'])('may be %s', (text) => {
    expect(epochOf(text).data?.idEpoch).toEqual(new Date(text));
  });

  it.each(['', 'yesterday', '2025-01-01', '1969-12-31T23:59:59Z', '2999-01-01T00:00:00Z'])(
    'may not be %j',
    (text) => {
      expect(epochOf(text).success).toBe(false);
    },
  );
});
