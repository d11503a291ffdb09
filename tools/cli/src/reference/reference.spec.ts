import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REFERENCE_FILE, renderReference } from './reference';

const page = join(__dirname, '..', '..', '..', '..', REFERENCE_FILE);

describe('the reference of the command line', () => {
  it('is what the commands say of themselves: npm run generate writes it', () => {
    expect(readFileSync(page, 'utf8')).toBe(renderReference());
  });
});
