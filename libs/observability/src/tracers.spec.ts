import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createLogger, parseTraceNames, TRACERS } from './index';

const WORKSPACE = path.join(__dirname, '../../..');

describe('the names of tracers', () => {
  it('are the table of docs/reference/traces.md', () => {
    const page = readFileSync(path.join(WORKSPACE, 'docs/reference/traces.md'), 'utf8');
    const table = Object.entries(TRACERS).map(([name, what]) => `| \`${name}\` | ${what} |`);

    expect(page).toContain(`${table.join('\n')}\n`);
  });

  it('are those that the sources use', () => {
    const used = new Set<string>();
    for (const file of globSync('{apps,libs,tools}/*/src/**/*.ts', { cwd: WORKSPACE })) {
      if (file.includes('.spec.')) continue;
      const text = readFileSync(path.join(WORKSPACE, file), 'utf8');
      const named = text.matchAll(/(?:\.tracer\(|tracerOf\(\w+, )'([\w.]+)'/g);
      for (const [, name = ''] of named) used.add(name);
    }
    used.add('all');

    expect([...used].sort()).toEqual(Object.keys(TRACERS).sort());
  });

  it('turn on their parts, and one part nothing else', () => {
    const enabled = (trace: string): string[] => {
      const logger = createLogger({ trace: parseTraceNames(trace), write: () => undefined });
      const names = Object.keys(TRACERS).filter((name) => name !== 'all');
      return names.filter((name) => logger.tracer('raft').tracer(name).debugEnabled);
    };

    expect(enabled('raft.election, raft.read')).toEqual(['raft.election', 'raft.read']);
    expect(enabled('raft')).toEqual(Object.keys(TRACERS).filter((name) => /^raft/.test(name)));
    expect(enabled('grpc')).toEqual(['grpc']);
  });

  it('stand once in a line, also when a part is named by another part', () => {
    const lines: string[] = [];
    const logger = createLogger({ trace: ['raft'], write: (line) => void lines.push(line) });

    logger.tracer('raft').child({ id: 1 }).tracer('raft.election').debug('vote granted');

    expect(lines[0]?.match(/"tracer":/g)).toHaveLength(1);
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ tracer: 'raft.election', id: 1 });
  });
});
