import { appendToYaml } from './yaml';

const TEXT = `# The suite.
services:
  one: # the first
    ports: [80]

  two:
    list:
      - a # why
volumes:
  data: {}
`;

describe('appendToYaml', () => {
  it('puts a pair behind the last one of a map, and leaves everything else', () => {
    const text = appendToYaml(TEXT, ['services'], '\nthree:\n  ports: [81]');

    expect(text).toBe(TEXT.replace('# why\n', '# why\n\n  three:\n    ports: [81]\n'));
  });

  it('puts an item behind the last one of a list', () => {
    const text = appendToYaml(TEXT, ['services', 'two', 'list'], '- b');

    expect(text).toBe(TEXT.replace('# why\n', '# why\n      - b\n'));
  });

  it('puts a pair at the end of the file', () => {
    expect(appendToYaml(TEXT, ['volumes'], 'more: {}')).toBe(`${TEXT}  more: {}\n`);
  });

  it('goes behind a block of text', () => {
    const text = 'patches:\n  - patch: |-\n      - op: remove\n';

    expect(appendToYaml(text, ['patches'], '- path: a.yaml')).toBe(`${text}  - path: a.yaml\n`);
  });

  it('says what is not there', () => {
    expect(() => appendToYaml(TEXT, ['networks'], 'a: b')).toThrow(/there is no networks/);
  });
});
