import { describeOptions } from '@raftway/config';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayOptionsSchema } from './options';

describe("the README's table of options", () => {
  it.each(
    describeOptions(gatewayOptionsSchema).map((option) => [option.variable, option] as const),
  )('has %s with its meaning and default', (variable, option) => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${variable}\``)) ?? '';

    expect(row).toContain(option.description);
    expect(row).toContain(option.defaultText ?? 'none');
  });
});
