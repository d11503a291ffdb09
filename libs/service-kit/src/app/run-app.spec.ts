import type { Metrics } from '@raftway/observability';
import { z } from 'zod';
import { runApp, type App, type AppProcess } from './run-app';
import { serverOptionsShape } from './server-options';

const schema = z.object(serverOptionsShape({ bind: '127.0.0.1:50051' }));

/** A process that remembers what was done to it. */
class FakeProcess implements AppProcess {
  readonly argv: string[];
  readonly output: string[] = [];
  readonly errors: string[] = [];
  readonly exits: number[] = [];
  readonly stdout = { write: (text: string) => this.output.push(text) };
  readonly stderr = { write: (text: string) => this.errors.push(text) };
  readonly stdin = {
    on: (event: 'end', listener: () => void) => this.on(`stdin ${event}`, listener),
    resume: () => undefined,
  };
  private readonly listeners = new Map<string, (value: unknown) => void>();
  private readonly waiting: (() => void)[] = [];

  constructor(
    words: string[] = [],
    readonly env: Record<string, string> = {},
  ) {
    this.argv = ['node', 'main.js', ...words];
  }

  on(event: string, listener: (value: unknown) => void): void {
    this.listeners.set(event, listener);
  }

  emit(event: string, value?: unknown): void {
    this.listeners.get(event)?.(value);
  }

  exit(code: number): void {
    this.exits.push(code);
    for (const wake of this.waiting.splice(0)) wake();
  }

  async exited(): Promise<void> {
    if (this.exits.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}

function appThat(behaviour: Partial<App> = {}): App {
  return { start: async () => undefined, stop: async () => undefined, ...behaviour };
}

it('prints the options for --help and exits with 0', async () => {
  const host = new FakeProcess(['--help']);
  await runApp('greeter', { schema, create: () => appThat(), summary: 'Greets.' }, host);
  expect(host.output.join('')).toContain('Greets.\n');
  expect(host.output.join('')).toContain('RAFTWAY_DRAIN_DELAY (duration)  [1s]');
  expect(host.exits).toEqual([0]);
});

it('prints for --metrics what the app measures, without starting it', async () => {
  const host = new FakeProcess(['--metrics']);
  const create = ({ metrics }: { metrics: Metrics }): App => {
    metrics.counter({ name: 'greetings_total', help: 'Greetings.', labels: ['language'] });
    return appThat({ start: () => Promise.reject(new Error('started')) });
  };
  await runApp('greeter', { schema, create }, host);

  expect(JSON.parse(host.output.join(''))).toEqual(
    expect.arrayContaining([
      {
        ...{ name: 'greetings_total', type: 'counter', help: 'Greetings.' },
        labels: ['language'],
        withTlsOnly: false,
      },
      expect.objectContaining({
        name: 'raftway_tls_certificate_expiry_seconds',
        withTlsOnly: true,
      }),
    ]),
  );
  expect(host.exits).toEqual([0]);
});

it('exits with 78 for bad configuration and says all that is wrong', async () => {
  const host = new FakeProcess([], { RAFTWAY_BIND: 'nonsense', RAFTWAY_BNID: '127.0.0.1:1' });
  await runApp('greeter', { schema, create: () => appThat() }, host);
  const text = host.errors.join('');
  expect(text).toContain('RAFTWAY_BIND must be host:port, got "nonsense"');
  expect(text).toContain('RAFTWAY_BNID is not an option; the nearest is RAFTWAY_BIND');
  expect(host.exits).toEqual([78]);
});

it('exits with 78 for a part to be traced that there is not, and names the nearest', async () => {
  const host = new FakeProcess([], { RAFTWAY_TRACE: 'raft.storage,raft.elections' });
  await runApp('greeter', { schema, create: () => appThat() }, host);
  expect(host.errors.join('')).toContain(
    'RAFTWAY_TRACE names raft.elections, which is no part; the nearest is raft.election',
  );
  expect(host.exits).toEqual([78]);
});

it('exits with 78 for an argument that it does not know', async () => {
  const host = new FakeProcess(['--port=1']);
  await runApp('greeter', { schema, create: () => appThat() }, host);
  expect(host.exits).toEqual([78]);
});

it('hands validated options, logger and metrics to the app', async () => {
  const host = new FakeProcess([], { RAFTWAY_DRAIN_DELAY: '250ms' });
  let drainDelayMs: number | undefined;
  await runApp(
    'greeter',
    {
      schema,
      create: ({ options, logger, metrics }) => {
        drainDelayMs = options.drainDelayMs;
        logger.info('made', { type: metrics.contentType });
        return appThat();
      },
    },
    host,
  );
  expect(drainDelayMs).toBe(250);
  expect(host.output.join('')).toContain('"msg":"made"');
  expect(host.exits).toEqual([]);
});

it('exits with 1 and logs why when the app cannot start', async () => {
  const host = new FakeProcess();
  const start = () => Promise.reject(new Error('the gRPC server cannot listen'));
  await runApp('greeter', { schema, create: () => appThat({ start }) }, host);
  expect(host.output.join('')).toContain('the gRPC server cannot listen');
  expect(host.exits).toEqual([1]);
});

it.each(['SIGTERM', 'SIGINT'])('stops once on %s and exits with 0', async (signal) => {
  const host = new FakeProcess();
  let stops = 0;
  const stop = async () => void (stops += 1);
  await runApp('greeter', { schema, create: () => appThat({ stop }) }, host);
  host.emit(signal);
  await host.exited();
  expect({ stops, exits: host.exits }).toEqual({ stops: 1, exits: [0] });
});

it('stops when its parent has gone, if it was told to', async () => {
  const host = new FakeProcess([], { RAFTWAY_STOP_WITH_PARENT: 'true' });
  await runApp('greeter', { schema, create: () => appThat({}) }, host);
  host.emit('stdin end');
  await host.exited();
  expect(host.exits).toEqual([0]);
});

it('does not take a parent that goes after its SIGTERM for a second signal', async () => {
  const host = new FakeProcess([], { RAFTWAY_STOP_WITH_PARENT: 'true' });
  const stop = () => new Promise<void>(() => undefined);
  await runApp('greeter', { schema, create: () => appThat({ stop }) }, host);
  host.emit('SIGTERM');
  host.emit('stdin end');
  expect(host.exits).toEqual([]);
});

it('exits at once on a second signal', async () => {
  const host = new FakeProcess();
  const stop = () => new Promise<void>(() => undefined);
  await runApp('greeter', { schema, create: () => appThat({ stop }) }, host);
  host.emit('SIGTERM');
  host.emit('SIGINT');
  expect(host.exits).toEqual([1]);
});

it('stops an app that is still starting', async () => {
  const host = new FakeProcess();
  let cutShort: (error: Error) => void = () => undefined;
  const start = () => new Promise<void>((_, reject) => (cutShort = reject));
  const stop = async () => cutShort(new Error('stopped while starting'));
  const running = runApp('greeter', { schema, create: () => appThat({ start, stop }) }, host);
  await Promise.resolve();
  await Promise.resolve();
  host.emit('SIGTERM');
  await running;
  await host.exited();
  expect(host.exits).toEqual([0]);
});

it.each(['uncaughtException', 'unhandledRejection'])('logs %s and exits with 1', async (event) => {
  const host = new FakeProcess();
  await runApp('greeter', { schema, create: () => appThat() }, host);
  host.emit(event, new Error('nobody expected this'));
  expect(host.output.join('')).toContain('nobody expected this');
  expect(host.exits).toEqual([1]);
});

it('exits with 78 when the certificates that it is given are no good', async () => {
  const variables = ['RAFTWAY_TLS_CERT', 'RAFTWAY_TLS_KEY', 'RAFTWAY_TLS_CA'];
  const host = new FakeProcess([], Object.fromEntries(variables.map((name) => [name, '/nowhere'])));
  await runApp('greeter', { schema, create: () => appThat() }, host);
  expect(host.errors.join('')).toBe(
    'greeter cannot start: TLS cannot be set up: /nowhere cannot be read: ENOENT\n',
  );
  expect(host.exits).toEqual([78]);
});
