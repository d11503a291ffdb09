import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import {
  boolean,
  ConfigError,
  durationMs,
  hostPort,
  hostPortList,
  integer,
  isoDate,
  loadOptions,
  oneOf,
  originList,
  peers,
  text,
  type Environment,
} from './index';

const schema = z.object({
  bind: hostPort().default('127.0.0.1:50051'),
  registry: hostPortList().default(['127.0.0.1:50061']),
  peers: peers().optional(),
  nodeId: integer({ min: 1, max: 9 }).optional(),
  drainDelayMs: durationMs().default(1000),
  initialState: oneOf(['new', 'existing']).default('new'),
  idEpoch: isoDate().default(new Date('2025-01-01T00:00:00Z')),
  verbose: boolean().default(false),
  dataDir: text().optional(),
});

function load(environment: Environment, file?: string) {
  const given = file === undefined ? undefined : { path: 'raftway.yaml', text: file };
  return loadOptions({ schema, environment, file: given });
}

function problems(environment: Environment, file?: string): string[] {
  try {
    load(environment, file);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ where, message }) => `${where} ${message}`);
    }
    throw error;
  }
  return [];
}

describe('origins', () => {
  const read = (value: unknown): unknown => originList().safeParse(value).data;

  it('are those that browsers send', () => {
    const origins = ['https://app.example.com', 'http://localhost:3000', '*'];
    expect(read(`${origins.join(', ')},*`)).toEqual(origins);
    expect(read(origins)).toEqual(origins);
  });

  it.each([
    '',
    'app.example.com',
    'https://app.example.com/',
    'https://App.example.com',
    'https://app.example.com:443',
    'https://*.example.com',
    'file:///tmp',
    'null',
    'https://user@app.example.com',
  ])('%j is none', (value) => {
    expect(read(value)).toBeUndefined();
  });
});

describe('values', () => {
  it('are the defaults when nothing is set', () => {
    expect(load({})).toEqual({
      bind: '127.0.0.1:50051',
      registry: ['127.0.0.1:50061'],
      drainDelayMs: 1000,
      initialState: 'new',
      idEpoch: new Date('2025-01-01T00:00:00Z'),
      verbose: false,
    });
  });

  it('are read from the environment', () => {
    const options = load({
      RAFTWAY_BIND: '[::1]:0',
      RAFTWAY_REGISTRY: 'a:1, b:2,a:1',
      RAFTWAY_PEERS: '1=a:1,2=b:2',
      RAFTWAY_NODE_ID: '2',
      RAFTWAY_DRAIN_DELAY: '250ms',
      RAFTWAY_INITIAL_STATE: 'existing',
      RAFTWAY_ID_EPOCH: '2026-01-01T00:00:00+01:00',
      RAFTWAY_VERBOSE: 'true',
      RAFTWAY_DATA_DIR: '/data',
      PATH: '/bin',
    });
    expect(options).toEqual({
      bind: '[::1]:0',
      registry: ['a:1', 'b:2'],
      peers: new Map([
        [1, 'a:1'],
        [2, 'b:2'],
      ]),
      nodeId: 2,
      drainDelayMs: 250,
      initialState: 'existing',
      idEpoch: new Date('2025-12-31T23:00:00Z'),
      verbose: true,
      dataDir: '/data',
    });
  });

  it('are read from a YAML file, lists and maps as such', () => {
    const options = load(
      {},
      'registry: [a:1, b:2]\npeers: { 1: a:1, 2: b:2 }\nnodeId: 2\ndrainDelay: 5m\nverbose: true\nidEpoch: 2026-01-01T00:00:00Z\n',
    );
    expect(options).toMatchObject({
      registry: ['a:1', 'b:2'],
      peers: new Map([
        [1, 'a:1'],
        [2, 'b:2'],
      ]),
      nodeId: 2,
      drainDelayMs: 300_000,
      verbose: true,
      idEpoch: new Date('2026-01-01T00:00:00Z'),
    });
  });

  it('come from the environment where both have one, and an empty variable is none', () => {
    const file = 'nodeId: 1\ndataDir: /file\n';
    const options = load({ RAFTWAY_NODE_ID: '2', RAFTWAY_DATA_DIR: '' }, file);
    expect(options).toMatchObject({ nodeId: 2, dataDir: '/file' });
  });

  it('are the defaults with an empty file', () => {
    expect(load({}, '# nothing\n')).toEqual(load({}));
  });
});

describe('problems', () => {
  it.each([
    ['RAFTWAY_BIND', 'nonsense', 'must be host:port, got "nonsense"'],
    ['RAFTWAY_BIND', ':8080', 'must be host:port, got ":8080"'],
    ['RAFTWAY_BIND', 'a:65536', 'must be host:port, got "a:65536"'],
    ['RAFTWAY_NODE_ID', '10', 'must be a whole number from 1 to 9, got "10"'],
    ['RAFTWAY_NODE_ID', '1.5', 'must be a whole number from 1 to 9, got "1.5"'],
    ['RAFTWAY_DRAIN_DELAY', '10', 'such as 250ms, 10s, 5m or 1h, got "10"'],
    ['RAFTWAY_DRAIN_DELAY', '25h', 'must be a duration from 0s to 24h'],
    ['RAFTWAY_INITIAL_STATE', 'old', 'must be one of new, existing, got "old"'],
    ['RAFTWAY_ID_EPOCH', '2025-13-01T00:00:00Z', 'must be an ISO date'],
    ['RAFTWAY_ID_EPOCH', 'yesterday', 'must be an ISO date'],
    ['RAFTWAY_VERBOSE', 'yes', 'must be true or false, got "yes"'],
    ['RAFTWAY_REGISTRY', 'a:1,b', 'must be 1 to 32 host:port separated by commas'],
    ['RAFTWAY_PEERS', '1=a:1,1=b:2', 'each id and address once'],
    ['RAFTWAY_PEERS', '1=a:1,2=a:1', 'each id and address once'],
    ['RAFTWAY_PEERS', '0=a:1', 'each id and address once'],
    ['RAFTWAY_PEERS', 'a:1', 'each id and address once'],
  ])('names %s=%s with its rule', (variable, value, rule) => {
    const found = problems({ [variable]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${variable} `);
    expect(found[0]).toContain(rule);
  });

  it('names unknown variables with the nearest one', () => {
    expect(problems({ RAFTWAY_DATADIR: '/data' })).toEqual([
      'RAFTWAY_DATADIR is not an option; the nearest is RAFTWAY_DATA_DIR',
    ]);
  });

  it('names unknown keys with file, line and the nearest key', () => {
    expect(problems({}, '# first line\n\ndrainDeley: 1s\n')).toEqual([
      'raftway.yaml:3 drainDeley is not an option; the nearest is drainDelay',
    ]);
  });

  it('names a wrong value in the file with its line', () => {
    expect(problems({}, 'bind: 127.0.0.1:1\nnodeId: many\n')).toEqual([
      'raftway.yaml:2 nodeId must be a whole number from 1 to 9, got "many"',
    ]);
  });

  it('names the line of broken YAML', () => {
    expect(problems({}, 'bind: 127.0.0.1:1\nnodeId: [1\n')[0]).toMatch(
      /^raftway\.yaml:\d is not valid YAML/,
    );
    expect(problems({}, '- a\n- b\n')).toEqual(['raftway.yaml:1 must be a map of option names']);
  });

  it('are all named at once', () => {
    const found = problems(
      { RAFTWAY_NODE_ID: '0', RAFTWAY_NODID: '1' },
      'initialState: old\nunknown: 1\n',
    );
    expect(found).toHaveLength(4);
  });

  it('name a required option that is not set', () => {
    const strict = z.object({ dataDir: text() });
    expect(() => loadOptions({ schema: strict, environment: {} })).toThrow(
      'RAFTWAY_DATA_DIR is required',
    );
  });

  it('leave variables alone that the program knows otherwise', () => {
    const ignoredVariables = ['RAFTWAY_RUNTIME'];
    expect(() =>
      loadOptions({ schema, environment: { RAFTWAY_RUNTIME: 'x' }, ignoredVariables }),
    ).not.toThrow();
  });
});

describe('RAFTWAY_CONFIG_FILE', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'raftway-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('names the file that is read', () => {
    const file = path.join(folder, 'options.yaml');
    writeFileSync(file, 'nodeId: 3\n');
    expect(load({ RAFTWAY_CONFIG_FILE: file }).nodeId).toBe(3);
  });

  it('is a problem when it cannot be read', () => {
    const file = path.join(folder, 'missing.yaml');
    expect(problems({ RAFTWAY_CONFIG_FILE: file })).toEqual([
      `RAFTWAY_CONFIG_FILE names ${file}, which cannot be read: ENOENT`,
    ]);
  });
});
