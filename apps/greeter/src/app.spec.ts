import { helloworld, id, lock, registry } from '@raftway/contracts';
import { Code, unavailable } from '@raftway/errors';
import { createMetrics, silentLogger } from '@raftway/observability';
import {
  createClient,
  createServer,
  type CallContext,
  type RaftwayServer,
  type ServiceClient,
} from '@raftway/service-kit';
import { fakeService } from '../test/fake-service';
import { createGreeterApp, type GreeterApp } from './app';
import { NAMES_PER_GREETING_MAX } from './domain/greeting';
import { greeterOptionsSchema } from './options';
import { errorOf } from '@raftway/service-kit/testing';

/** A gateway, lock service, id service and registry in one, which remember what they were asked. */
class Surroundings {
  readonly acquired: lock.AcquireRequest[] = [];
  readonly released: lock.ReleaseRequest[] = [];
  readonly registered: registry.Instance[] = [];
  readonly statuses: registry.InstanceStatus[] = [];
  deregistrations = 0;
  acquireDeadlineMs: number | undefined;
  onAcquire: (call: CallContext) => Promise<boolean> = () => Promise.resolve(true);
  onGenerate: (call: CallContext) => Promise<void> = () => Promise.resolve();
  readonly server: RaftwayServer;

  constructor() {
    const locks = fakeService(lock.LockServiceService, {
      acquire: async (request, call) => {
        this.acquired.push(request);
        this.acquireDeadlineMs = call.deadlineMs;
        const acquired = await this.onAcquire(call);
        const fencingToken = BigInt(this.acquired.length);
        return lock.AcquireResponse.fromPartial({ acquired, sessionId: 's1', fencingToken });
      },
      release: (request) => {
        this.released.push(request);
        return { released: true, holdCount: 0 };
      },
    });
    const ids = fakeService(id.IdServiceService, {
      generateIds: async (_request, call) => {
        await this.onGenerate(call);
        return { ids: [{ value: 9007199254740993n, text: '9007199254740993' }] };
      },
    });
    const registrations = fakeService(registry.RegistryServiceService, {
      register: ({ instance }) => {
        if (instance !== undefined) this.registered.push(instance);
        return registry.RegisterResponse.fromPartial({ leaseId: 'l1', revision: 1n });
      },
      keepAlive: async function* (requests) {
        for await (const { leaseId } of requests) {
          yield registry.KeepAliveResponse.fromPartial({ leaseId, ttl: { seconds: 10n } });
        }
      },
      setStatus: ({ status }) => {
        this.statuses.push(status);
        return registry.SetStatusResponse.fromPartial({});
      },
      deregister: () => {
        this.deregistrations += 1;
        return registry.DeregisterResponse.fromPartial({});
      },
    });
    this.server = createServer({
      name: 'surroundings',
      services: [locks, ids, registrations],
      drainDelayMs: 0,
      drainTimeoutMs: 200,
    });
  }
}

let around: Surroundings;
let app: GreeterApp;
let greeter: ServiceClient<typeof helloworld.GreeterService>;

function newApp(options: Record<string, unknown>): GreeterApp {
  return createGreeterApp({
    options: greeterOptionsSchema.parse({
      bind: '127.0.0.1:0',
      httpBind: '127.0.0.1:0',
      drainDelayMs: '0ms',
      drainTimeoutMs: '1s',
      ...options,
    }),
    logger: silentLogger(),
    metrics: createMetrics({ processMetrics: false }),
  });
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const names = (...list: string[]) => list.map((name) => ({ name }));

// The machine may be slow: what is waited for is bounded, not how long it takes.
jest.setTimeout(30_000);

beforeEach(async () => {
  around = new Surroundings();
  await around.server.start();
  const { address } = around.server;
  app = newApp({ gateway: address, registry: address, instanceId: 'greeter-7' });
  await app.start();
  greeter = createClient(helloworld.GreeterService, app.address);
});

afterEach(async () => {
  greeter.close();
  await app.stop();
  await around.server.stop();
});

describe('the greeter', () => {
  it('greets once', async () => {
    expect(await greeter.sayHello({ name: 'Ada' })).toEqual({ message: 'Hello, Ada!' });
  });

  it('greets several times in a stream', async () => {
    const replies = await collect(greeter.sayHelloStreamReply({ name: 'Ada' }));

    expect(replies).toEqual(Array(3).fill({ message: 'Hello, Ada!' }));
  });

  it('greets everybody at once', async () => {
    expect(await greeter.sayHelloClientStream(names('Ada', 'Grace'))).toEqual({
      message: 'Hello, Ada and Grace!',
    });
  });

  it('greets each name as it comes in', async () => {
    let greeted = 0;
    async function* oneByOne() {
      for (const name of ['Ada', 'Grace', 'Edsger']) {
        // The answer to the name before has to be there: nothing waits for the end of the stream.
        while (greeted < ['Ada', 'Grace', 'Edsger'].indexOf(name)) {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        yield { name };
      }
    }
    const messages: string[] = [];
    for await (const { message } of greeter.sayHelloBidiStream(oneByOne())) {
      greeted += 1;
      messages.push(message);
    }

    expect(messages).toEqual(['Hello, Ada!', 'Hello, Grace!', 'Hello, Edsger!']);
  });

  it('takes names of 256 characters, in any script', async () => {
    const name = '👋'.repeat(256);

    expect(await greeter.sayHello({ name })).toEqual({ message: `Hello, ${name}!` });
  });

  const methods: [string, (name: string) => Promise<unknown>][] = [
    ['SayHello', (name) => greeter.sayHello({ name })],
    ['SayHelloStreamReply', (name) => collect(greeter.sayHelloStreamReply({ name }))],
    ['SayHelloClientStream', (name) => greeter.sayHelloClientStream(names('Ada', name))],
    ['SayHelloBidiStream', (name) => collect(greeter.sayHelloBidiStream(names('Ada', name)))],
    ['SayHelloNumbered', (name) => greeter.sayHelloNumbered({ name })],
  ];

  it.each(methods)('refuses an empty name in %s', async (_method, call) => {
    const error = await errorOf(call(''));

    expect(error.code).toBe(Code.invalidArgument);
    expect(error.fieldViolations).toEqual([{ field: 'name', description: 'is required' }]);
    expect(around.acquired).toEqual([]);
  });

  it.each(methods)('refuses a name of 257 characters in %s', async (_method, call) => {
    const error = await errorOf(call('a'.repeat(257)));

    expect(error.code).toBe(Code.invalidArgument);
    expect(error.metadata).toMatchObject({ field: 'name', value: '257' });
    expect(error.rawMessage).toContain('256');
  });

  it('refuses a stream without names', async () => {
    expect((await errorOf(greeter.sayHelloClientStream([]))).code).toBe(Code.invalidArgument);
  });

  it('refuses a stream with too many names', async () => {
    const many = Array.from({ length: NAMES_PER_GREETING_MAX + 1 }, () => ({ name: 'Ada' }));

    const error = await errorOf(greeter.sayHelloClientStream(many));

    expect(error.code).toBe(Code.resourceExhausted);
    expect(error.metadata).toMatchObject({ limit: String(NAMES_PER_GREETING_MAX) });
  });
});

describe('a numbered greeting', () => {
  it('carries the id, the fencing token and the instance, and gives the lock back', async () => {
    const reply = await greeter.sayHelloNumbered({ name: 'Ada' });

    expect(reply).toEqual({
      message: 'Hello, Ada!',
      greetingId: '9007199254740993',
      fencingToken: 1n,
      instanceId: 'greeter-7',
    });
    expect(around.released).toMatchObject([{ name: 'greeter/numbered', sessionId: 's1' }]);
    expect(around.acquired[0]?.requestId).not.toBe('');
    expect(around.acquired[0]?.waitTimeout?.seconds).toBe(5n);
  });

  it('passes on what is left of the deadline', async () => {
    await greeter.sayHelloNumbered({ name: 'Ada' }, { timeoutMs: 3_000 });

    expect(around.acquireDeadlineMs).toBeGreaterThan(500);
    expect(around.acquireDeadlineMs).toBeLessThanOrEqual(3_000);
  });

  it('passes on a cancellation, and gives the lock back all the same', async () => {
    const cancel = new AbortController();
    let cancelled = false;
    around.onGenerate = (call) =>
      new Promise((_resolve, reject) => {
        call.signal.addEventListener('abort', () => {
          cancelled = true;
          reject(new Error('cancelled'));
        });
        cancel.abort();
      });

    const error = await errorOf(
      greeter.sayHelloNumbered({ name: 'Ada' }, { signal: cancel.signal }),
    );
    await eventually(() => cancelled && around.released.length === 1);

    expect(error.code).toBe(Code.cancelled);
  });

  it('gives the lock back when there is no id', async () => {
    around.onGenerate = () =>
      Promise.reject(unavailable('NO_WORKER_LEASE', 'no ids', { metadata: { a: 'b' } }));

    const error = await errorOf(greeter.sayHelloNumbered({ name: 'Ada' }));

    expect(error.code).toBe(Code.unavailable);
    expect(error.reason).toBe('NO_WORKER_LEASE');
    expect(around.released).toHaveLength(1);
  });

  it('says so when the lock is not free in time', async () => {
    around.onAcquire = () => Promise.resolve(false);

    const error = await errorOf(greeter.sayHelloNumbered({ name: 'Ada' }));

    expect([error.code, error.reason]).toEqual([Code.unavailable, 'LOCK_HELD']);
    expect(around.released).toEqual([]);
  });

  it('is refused with details, and soon, when the gateway is away', async () => {
    const alone = newApp({ gateway: '127.0.0.1:1', registry: around.server.address });
    await alone.start();
    const client = createClient(helloworld.GreeterService, alone.address);

    const error = await errorOf(client.sayHelloNumbered({ name: 'Ada' }, { timeoutMs: 20_000 }));
    client.close();
    await alone.stop();

    expect(error.code).toBe(Code.unavailable);
    expect(error.reason).not.toBe('UNKNOWN');
  });
});

describe('the registration', () => {
  it('is made with the address, and drained and taken back on stop', async () => {
    await eventually(() => around.registered.length === 1);
    const { address } = app;

    await app.stop();

    expect(around.registered[0]).toMatchObject({
      service: 'greeter',
      instanceId: 'greeter-7',
      address,
      grpcServices: ['helloworld.Greeter'],
    });
    expect(around.statuses).toEqual([registry.InstanceStatus.DRAINING]);
    expect(around.deregistrations).toBe(1);
  });

  it('is not needed to serve', async () => {
    const alone = newApp({ registry: '127.0.0.1:1' });
    await alone.start();
    const client = createClient(helloworld.GreeterService, alone.address);

    const reply = await client.sayHello({ name: 'Ada' });
    client.close();
    await alone.stop();

    expect(reply).toEqual({ message: 'Hello, Ada!' });
  });

  it('lets a call finish that was accepted before the stop', async () => {
    let finish: (() => void) | undefined;
    around.onGenerate = () => new Promise((resolve) => (finish = resolve));
    const reply = greeter.sayHelloNumbered({ name: 'Ada' });
    await eventually(() => around.registered.length === 1 && finish !== undefined);

    const stopped = app.stop();
    await eventually(() => around.statuses.length === 1);
    finish?.();

    expect((await reply).message).toBe('Hello, Ada!');
    await stopped;
  });
});

/** Waits until the condition holds; fails after twenty seconds. */
async function eventually(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`never: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
