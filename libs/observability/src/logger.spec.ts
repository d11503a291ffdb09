import { createLogger, parseTraceNames, silentLogger, type LoggerOptions } from './index';
import { prettyLine } from './pretty';

function recording(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const logger = createLogger({ ...options, write: (line) => lines.push(line) });
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines, parsed };
}

it('writes one JSON object a line with level, time, name, message and fields', () => {
  const { logger, lines, parsed } = recording({ name: 'lock-service' });
  logger.info('lock granted', { name: 'a' });
  logger.child({ node: 1 }).warn('slow sync', { durationMs: 12 });
  expect(lines.every((line) => line.endsWith('\n'))).toBe(true);
  expect(parsed()[1]).toMatchObject({
    level: 'warn',
    name: 'lock-service',
    node: 1,
    msg: 'slow sync',
    durationMs: 12,
  });
  expect(parsed()[1]?.['time']).toMatch(/^\d{4}-\d{2}-\d{2}T/);
});

it('writes what JSON has no form for: bigint, errors with causes, bytes, maps, cycles', () => {
  const { logger, parsed } = recording();
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const error = new Error('outer', { cause: new RangeError('inner') });
  logger.info('odd values', {
    token: 2n ** 63n,
    error,
    bytes: Uint8Array.of(1, 255),
    map: new Map([[1n, 2n]]),
    set: new Set(['a']),
    cycle,
    date: new Date(0),
  });
  expect(parsed()[0]).toMatchObject({
    token: '9223372036854775808',
    error: { type: 'Error', message: 'outer', cause: { type: 'RangeError', message: 'inner' } },
    bytes: '01ff',
    map: { 1: '2' },
    set: ['a'],
    date: '1970-01-01T00:00:00.000Z',
  });
});

it('shortens what is too long for a line', () => {
  const { logger, parsed } = recording();
  logger.info('long', { list: Array.from({ length: 1000 }, () => 1), bytes: Buffer.alloc(1000) });
  expect(parsed()[0]?.['list']).toHaveLength(101);
  expect(parsed()[0]?.['bytes']).toContain('(1000 bytes)');
});

describe('levels', () => {
  it.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'fatal']],
    ['info', ['info', 'warn', 'error', 'fatal']],
    ['warn', ['warn', 'error', 'fatal']],
    ['error', ['error', 'fatal']],
  ] as const)('at %s, %j are written', (level, written) => {
    const { logger, parsed } = recording({ level });
    logger.debug('line');
    logger.info('line');
    logger.warn('line');
    logger.error('line');
    logger.fatal('line');
    expect(parsed().map((line) => line['level'])).toEqual(written);
    expect(logger.debugEnabled).toBe(level === 'debug');
  });
});

describe('tracers', () => {
  it('write debug lines of the named parts only', () => {
    const { logger, parsed } = recording({ trace: parseTraceNames('raft, registry') });
    logger.debug('of no part');
    logger.tracer('raft').debug('of raft');
    logger.tracer('raft').child({ node: 1 }).debug('of a child of raft');
    logger.tracer('grpc').debug('of grpc');
    expect(parsed().map((line) => [line['tracer'], line['msg']])).toEqual([
      ['raft', 'of raft'],
      ['raft', 'of a child of raft'],
    ]);
  });

  it('write all of them for all, and at level debug', () => {
    for (const options of [{ trace: ['all'] }, { level: 'debug' }] as const) {
      const { logger, lines } = recording(options);
      logger.tracer('raft').debug('of raft');
      expect(lines).toHaveLength(1);
    }
  });
});

it('writes lines for people with format pretty', () => {
  const { logger, lines } = recording({ name: 'greeter', format: 'pretty' });
  logger.error('call failed', { method: '/a/B', error: new Error('why') });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}/);
  expect(lines[0]).toContain('greeter  call failed  method="/a/B"\n    Error: why');
  const json = '{"level":"info","time":"2025-01-01T12:00:00.000Z","msg":"hello","count":1}\n';
  expect(prettyLine(json, false)).toBe('12:00:00.000  INFO   hello  count=1\n');
  expect(prettyLine(json, true)).toContain('\u001b[32mINFO');
});

it('has a logger that says nothing', () => {
  const logger = silentLogger();
  logger.child({}).tracer('raft').error('nothing');
  expect(logger.debugEnabled).toBe(false);
});
