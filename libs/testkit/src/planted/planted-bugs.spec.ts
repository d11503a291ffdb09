import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { applyChange, PatchDoesNotApply } from './bug';
import { SIMULATED_BUGS } from './bugs';
import { MISSED_BUGS } from './bugs/missed';
import { describeHunt, TABLE } from './document';
import { hunt, PlantedCopy } from './hunt';

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

/** Found within a few seeds, from every part of the library. */
const QUICK = [
  'vote-not-persisted',
  'short-log-elected',
  'quorum-sorted-as-text',
  'old-term-committed-by-counting',
  'append-acknowledged-before-sync',
  'joint-decided-by-the-union',
];

describe('planted bugs', () => {
  it.each([...SIMULATED_BUGS, ...MISSED_BUGS])(
    'still fits the sources: $name',
    ({ name, changes }) => {
      const sources = new Map<string, string>();
      for (const change of changes) {
        const before =
          sources.get(change.file) ?? readFileSync(join(WORKSPACE, change.file), 'utf8');
        const after = applyChange(name, before, change);
        expect(after).not.toBe(before);
        sources.set(change.file, after);
      }
    },
  );

  it.each(QUICK)('is found by the simulator: %s', async (name) => {
    const bug = SIMULATED_BUGS.find((one) => one.name === name);
    if (bug === undefined) throw new Error(`there is no bug ${name}`);
    const caught = await hunt(WORKSPACE, bug, 12);
    expect(caught).toBeDefined();
    const { seed, nodes, changesMembers } = caught as NonNullable<typeof caught>;
    expect(await new PlantedCopy(WORKSPACE).run(seed, nodes, changesMembers)).toBeUndefined();
  });

  it('replays what found a bug', async () => {
    const bug = SIMULATED_BUGS.find(({ name }) => name === 'two-votes-in-a-term');
    expect(await hunt(WORKSPACE, bug as NonNullable<typeof bug>, 5)).toEqual(
      await hunt(WORKSPACE, bug as NonNullable<typeof bug>, 5),
    );
  });

  it('are all in the table, and all found', () => {
    const table = readFileSync(join(WORKSPACE, TABLE), 'utf8');
    const named = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]);
    expect(named).toEqual([...SIMULATED_BUGS, ...MISSED_BUGS].map(({ name }) => name));
    expect(table).not.toContain('**not found**');
  });

  it('have names of their own', () => {
    expect(new Set(SIMULATED_BUGS.map(({ name }) => name)).size).toBe(SIMULATED_BUGS.length);
  });
});

describe('a patch', () => {
  const change = { file: 'a.ts', find: 'one', replace: 'two' };

  it('that finds its place once is applied', () => {
    expect(applyChange('bug', 'zero one', change)).toBe('zero two');
  });

  it.each(['zero', 'one one'])('that finds its place not once is refused: %s', (source) => {
    expect(() => applyChange('bug', source, change)).toThrow(PatchDoesNotApply);
  });
});

describe('the table of planted bugs', () => {
  it('says which bug was not found', () => {
    const bug = { name: 'bug', story: 'a story', source: 'a source', changes: [] };
    expect(describeHunt([{ bug, caught: undefined }], 3, [], 3)).toContain('**not found**');
  });
});
