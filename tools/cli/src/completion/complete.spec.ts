import { execFileSync } from 'node:child_process';
import { runWords } from '../../test/support/run-words';
import { standardOutput } from '../command/output';
import { buildProgram } from '../program';
import { complete } from './complete';
import { SCRIPTS } from './scripts';

const program = buildProgram(standardOutput(), '/nowhere');
const values = (...words: string[]): string[] => complete(program, words).map(({ value }) => value);

describe('completion', () => {
  it('knows commands, commands below them, options, and values', () => {
    expect(values('st')).toEqual(['status']);
    expect(values('locks', 're')).toEqual(['release']);
    expect(values('locks', 'run', '--t')).toEqual(['--ttl']);
    expect(values('up', '--replicas', '')).toEqual(['1', '3', '5']);
    expect(values('completion', 'f')).toEqual(['fish']);
  });

  it('offers nothing for the value of an option that may be anything, and after --', () => {
    expect(values('status', '--group', '')).toEqual([]);
    expect(values('locks', 'run', 'a', '--', 's')).toEqual([]);
  });

  it('does not show the command that it is made of', () => {
    expect(values('')).toContain('status');
    expect(values('').filter((value) => value.startsWith('_'))).toEqual([]);
  });

  it('gives each shell what it reads', async () => {
    const ask = async (shell: string): Promise<string> =>
      (await runWords(['__complete', shell, '--', 'stat'])).out;

    expect(await ask('bash')).toBe('status\n');
    expect(await ask('zsh')).toMatch(/^status:show every group/);
    expect(await ask('fish')).toMatch(/^status\tshow every group/);
    expect((await runWords(['completion', 'zsh'])).out).toContain('compdef _raftway raftway');
  });

  it('works in bash', () => {
    const answers = 'raftway() { printf "%s\\n" "$@" >/dev/stderr; printf "list\\nrelease\\n"; }';
    const press = 'COMP_WORDS=(raftway locks ""); COMP_CWORD=2; _raftway; echo "${COMPREPLY[@]}"';

    const completed = execFileSync('bash', ['-c', `${answers}\n${SCRIPTS.bash}\n${press}`], {
      encoding: 'utf8',
    });

    expect(completed).toBe('list release\n');
  });
});
