import type { Command } from 'commander';
import { runWords } from '../test/support/run-words';
import { standardOutput } from './command/output';
import { applyToAll, buildProgram } from './program';

const commands: Command[] = [];
applyToAll(buildProgram(standardOutput(), '/nowhere'), (command) => {
  if (!command.name().startsWith('__')) commands.push(command);
});

/** `raftway locks run`, as a list of words without the first. */
function wordsOf(command: Command): string[] {
  return command.parent === null ? [] : [...wordsOf(command.parent), command.name()];
}

const leaves = commands.filter((command) => command.commands.length === 0);

describe('every command', () => {
  it.each(commands.map((command) => [wordsOf(command).join(' '), command] as const))(
    'explains itself and gives an example: %s',
    async (_name, command) => {
      const { out, code } = await runWords([...wordsOf(command), '--help']);

      expect(code).toBe(0);
      expect(out).toMatch(/Examples:\n {2}# .+\n {2}\S+/);
      expect(command.description()).not.toBe('');
    },
  );

  it('can answer in JSON, but for those whose output is somebody else’s', () => {
    const without = leaves.filter(({ options }) => !options.some(({ long }) => long === '--json'));

    expect(without.map((one) => wordsOf(one).join(' '))).toEqual([
      'up',
      'locks run',
      'raft recover',
      'completion',
    ]);
  });
});

describe('a mistyped command line is refused (64), with the nearest valid word for', () => {
  it.each([
    ['a command', ['statsu'], 'Did you mean status?'],
    ['a command below another', ['locks', 'lst'], 'Did you mean list?'],
    ['an option', ['status', '--wacth'], 'Did you mean --watch?'],
  ])('%s', async (_what, words, hint) => {
    const { error, code } = await runWords(words);

    expect(code).toBe(64);
    expect(error).toContain(hint);
  });

  it.each([
    ['address', ['ids', 'generate', '--address', 'somewhere'], '"somewhere" is not host:port.'],
    ['number', ['ids', 'generate', '0'], '"0" is not a whole number from 1 to 10000.'],
    ['duration', ['locks', 'acquire', 'a', '--ttl', '5'], '"5" is not a duration from 1 s to'],
    ['group', ['status', '--group', 'a'], '"a" is not name=host:port,host:port,….'],
    ['header', ['call', '-H', 'no colon'], '"no colon" is not key:value.'],
    ['header of a question', ['gateway', 'why', 'a.B/C', '-H', 'x'], '"x" is not name:value.'],
    ['deadline in a header', ['call', '-H', 'grpc-timeout: 1S'], '--deadline'],
  ])('no valid word: a wrong %s', async (_what, words, text) => {
    const { error, code } = await runWords(words);

    expect(code).toBe(64);
    expect(error).toContain(text);
  });
});

describe('an answer for a terminal', () => {
  const stdout = process.stdout as { isTTY: boolean; hasColors?: () => boolean };
  const { isTTY, hasColors } = stdout;
  const { NO_COLOR: noColor } = process.env;

  afterEach(() => {
    stdout.isTTY = isTTY;
    if (hasColors === undefined) delete stdout.hasColors;
    else stdout.hasColors = hasColors;
    if (noColor === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = noColor;
  });

  it('has no colours when NO_COLOR is set, or it is no terminal', () => {
    delete process.env['NO_COLOR'];
    stdout.hasColors = () => true;
    stdout.isTTY = true;
    expect(standardOutput().hasColors).toBe(true);

    process.env['NO_COLOR'] = '1';
    expect(standardOutput().hasColors).toBe(false);
    delete process.env['NO_COLOR'];
    stdout.isTTY = false;
    expect(standardOutput().hasColors).toBe(false);
  });
});
