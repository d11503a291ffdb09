import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readAppList } from '@raftway/config';
import { committedCatalogue } from '../generate';
import { expressionProblems, labelsOfExpression } from '../promql/expression-problems';
import { alertGroups } from '.';
import { RUNBOOKS } from './alert';

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');
const catalogue = committedCatalogue(WORKSPACE);
const alerts = alertGroups(catalogue).flatMap((group) => group.alerts);
const cli = readFileSync(join(WORKSPACE, 'docs/reference/cli.md'), 'utf8');

const HEADINGS = ['What it means', 'Impact', 'Find out', 'Mend', 'Later'];

describe.each(alerts.map((alert) => [alert.name, alert] as const))('%s', (name, alert) => {
  it('asks for nothing that the apps do not have', () => {
    expect(expressionProblems(alert.expression, catalogue)).toEqual([]);
    const labels = labelsOfExpression(alert.expression, catalogue);
    const text = `${alert.summary} ${alert.description}`;
    for (const [, label = ''] of text.matchAll(/\$labels\.(\w+)/g)) expect(labels).toContain(label);
  });

  it('says what happened in a line, and what to do', () => {
    expect(alert.summary).toMatch(/^[A-Z{].{10,110}$/);
    expect(alert.description).toMatch(/^[A-Z].{60,}\.$/);
  });

  it('has a runbook with every heading and something below each', () => {
    const page = readFileSync(join(WORKSPACE, RUNBOOKS, `${name}.md`), 'utf8');
    const [title = '', ...sections] = page.split(/^## /m);
    expect(title.trim()).toBe(`# ${name}`);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(HEADINGS);
    for (const section of sections)
      expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(30);
  });
});

it('watches the processes of every app', () => {
  const down = alerts.find(({ name }) => name === 'RaftwayDown');
  const apps = [...readAppList(WORKSPACE).keys()];
  expect(down?.expression).toBe(`up{job=~"${apps.join('|')}"} == 0`);
});

it('has no two alerts of one name, and none without a prefix', () => {
  const names = alerts.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^Raftway[A-Z]\w+$/);
});

describe('the runbooks', () => {
  const files = readdirSync(join(WORKSPACE, RUNBOOKS));
  const pages = files.map((file) => ({
    file,
    text: readFileSync(join(WORKSPACE, RUNBOOKS, file), 'utf8'),
  }));

  it('belong to an alert each', () => {
    expect(files.sort()).toEqual(alerts.map(({ name }) => `${name}.md`).sort());
  });

  it.each(pages)('$file: its commands and options are those of the command line', ({ text }) => {
    const lines = text.matchAll(/npm run raftway -- (\w+(?: [a-z-]+)?)(.*)/g);
    for (const [, words = '', rest = ''] of lines) {
      const command = [words, words.split(' ')[0]].find((one) =>
        cli.includes(`\n## raftway ${one}\n`),
      );
      expect({ words, command }).toEqual({ words, command: expect.any(String) as string });
      const help = cli.split(`\n## raftway ${command}\n`)[1]?.split('\n## ')[0] ?? '';
      const common = cli.split('\n## raftway\n')[1]?.split('\n## ')[0] ?? '';
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) {
        const known = help.includes(option) || common.includes(option);
        expect({ command, option, known }).toEqual({ command, option, known: true });
      }
    }
  });

  it.each(pages)('$file: speaks of metrics that exist', ({ text }) => {
    const named = [...text.matchAll(/\b(?:raftway|nodejs|process|rpc)_[a-z_0-9]+/g)].map(
      ([name]) => name,
    );
    expect(named.filter((name) => catalogue.ofSeries(name) === undefined)).toEqual([]);
  });

  it.each(pages)('$file: links to pages that exist', ({ text }) => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      expect(() => readFileSync(join(WORKSPACE, RUNBOOKS, target))).not.toThrow();
  });
});
