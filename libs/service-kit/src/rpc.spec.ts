import { setTimeout as delay } from 'node:timers/promises';
import { helloworld, lock } from '@raftway/contracts';
import { Code, invalidArgument, limitViolation, ServiceError, unavailable } from '@raftway/errors';
import { createLogger, createMetrics } from '@raftway/observability';
import { createClient } from './client/create-client';
import type { ClientOptions, ServiceClient } from './client/client-types';
import type { CallContext, Handlers } from './rpc/handlers';
import { implementService } from './rpc/implement-service';
import { createServer } from './server/create-server';
import type { RaftwayServer, ServerOptions } from './server/server-types';
import { errorOf } from './testing/error-of';

type Greeter = typeof helloworld.GreeterService;

const polite: Handlers<Greeter> = {
  sayHello: async ({ name }) => ({ message: `Hello, ${name}!` }),
  sayHelloStreamReply: async function* ({ name }) {
    for (let count = 1; count <= 3; count += 1) yield { message: `Hello ${count}, ${name}!` };
  },
  sayHelloClientStream: async (requests) => {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    return { message: `Hello, ${names.join(' and ')}!` };
  },
  sayHelloBidiStream: async function* (requests) {
    for await (const { name } of requests) yield { message: `Hello, ${name}!` };
  },
  sayHelloNumbered: async () => {
    throw new Error('not in these specs');
  },
};

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  handlers: Partial<Handlers<Greeter>> = {},
  options: Partial<ServerOptions> = {},
): Promise<RaftwayServer> {
  const service = implementService(helloworld.GreeterService, { ...polite, ...handlers });
  const server = createServer({
    name: 'greeter',
    services: [service],
    drainDelayMs: 0,
    drainTimeoutMs: 1000,
    ...options,
  });
  await server.start();
  cleanups.push(() => server.stop());
  return server;
}

function connect(
  server: RaftwayServer | string,
  options: ClientOptions<Greeter> = {},
): ServiceClient<Greeter> {
  const target = typeof server === 'string' ? server : server.address;
  const client = createClient(helloworld.GreeterService, target, options);
  cleanups.push(() => client.close());
  return client;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A promise with its handle, to await what a handler does. */
function deferred<Value = void>() {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  throw signal.reason;
}

describe('the four kinds of call', () => {
  it('answers one message with one', async () => {
    const client = connect(await serve());
    expect(await client.sayHello({ name: 'Ada' })).toEqual({ message: 'Hello, Ada!' });
  });

  it('fills in the defaults that a request leaves out', async () => {
    const client = connect(await serve());
    expect(await client.sayHello({})).toEqual({ message: 'Hello, !' });
  });

  it('answers one message with many', async () => {
    const client = connect(await serve());
    const replies = await collect(client.sayHelloStreamReply({ name: 'Ada' }));
    expect(replies.map(({ message }) => message)).toEqual([
      'Hello 1, Ada!',
      'Hello 2, Ada!',
      'Hello 3, Ada!',
    ]);
  });

  it('answers many messages with one', async () => {
    const client = connect(await serve());
    const reply = await client.sayHelloClientStream([{ name: 'Ada' }, { name: 'Grace' }]);
    expect(reply.message).toBe('Hello, Ada and Grace!');
  });

  it('answers many messages with many, each before the next is sent', async () => {
    const client = connect(await serve());
    const seen: string[] = [];
    const answered = [deferred(), deferred()];
    async function* requests() {
      yield { name: 'Ada' };
      await answered[0]?.promise;
      yield { name: 'Grace' };
      await answered[1]?.promise;
    }
    for await (const { message } of client.sayHelloBidiStream(requests())) {
      seen.push(message);
      answered[seen.length - 1]?.resolve();
    }
    expect(seen).toEqual(['Hello, Ada!', 'Hello, Grace!']);
  });

  it('carries metadata, headers and trailers', async () => {
    const client = connect(
      await serve({
        sayHello: (_request, call) => {
          call.sendInitialMetadata({ 'x-header': 'early' });
          call.setTrailer('x-trailer', 'late');
          const bytes = call.metadata.getBytes('x-bytes-bin') ?? new Uint8Array();
          return { message: `${call.metadata.get('x-text')} ${Buffer.from(bytes).toString()}` };
        },
      }),
    );
    let header: string | undefined;
    let trailer: string | undefined;
    const { message } = await client.sayHello(
      {},
      {
        metadata: { 'x-text': 'text', 'x-bytes-bin': Buffer.from('bytes') },
        onHeader: (metadata) => (header = metadata.get('x-header')),
        onTrailer: (metadata) => (trailer = metadata.get('x-trailer')),
      },
    );
    expect({ message, header, trailer }).toEqual({
      message: 'text bytes',
      header: 'early',
      trailer: 'late',
    });
  });
});

describe('backpressure', () => {
  it('asks a handler for no more responses than a slow reader lets through', async () => {
    let produced = 0;
    const big = 'x'.repeat(64 * 1024);
    const client = connect(
      await serve({
        sayHelloStreamReply: async function* () {
          for (; produced < 2000; produced += 1) yield { message: big };
        },
      }),
    );
    const replies = client.sayHelloStreamReply({})[Symbol.asyncIterator]();
    await replies.next();
    await settled(() => produced);
    expect(produced).toBeLessThan(200);
    await replies.return?.();
  });

  it('reads no more requests than a slow handler asks for', async () => {
    const release = deferred();
    const client = connect(
      await serve({
        sayHelloClientStream: async (requests) => {
          let count = 0;
          for await (const _request of requests) {
            count += 1;
            if (count === 1) await release.promise;
          }
          return { message: String(count) };
        },
      }),
    );
    let sent = 0;
    function* requests() {
      for (; sent < 400; sent += 1) yield { name: 'x'.repeat(64 * 1024) };
    }
    const reply = client.sayHelloClientStream(requests());
    await settled(() => sent);
    expect(sent).toBeLessThan(200);
    release.resolve();
    expect((await reply).message).toBe('400');
  });

  /** Resolves when a number has started to grow and then stopped growing. */
  async function settled(read: () => number): Promise<void> {
    let last = -1;
    for (let turn = 0; turn < 100; turn += 1) {
      await delay(50);
      if (read() === last && last > 0) return;
      last = read();
    }
    throw new Error(`it still grows: ${read()}`);
  }
});

describe('deadlines and cancellation', () => {
  it('ends a call at its deadline and aborts the handler with DEADLINE_EXCEEDED', async () => {
    const reason = deferred<unknown>();
    const client = connect(
      await serve({
        sayHello: async (_request, call) => {
          expect(call.deadlineMs).toBeLessThanOrEqual(100);
          return aborted(call.signal).finally(() => reason.resolve(call.signal.reason));
        },
      }),
    );
    const error = await errorOf(client.sayHello({}, { timeoutMs: 100 }));
    expect(error.code).toBe(Code.deadlineExceeded);
    expect(error.reason).toBe('DEADLINE_EXCEEDED');
    expect(((await reason.promise) as ServiceError).reason).toMatch(/DEADLINE_EXCEEDED|CANCELLED/);
  });

  it('tells the handler of no deadline when there is none', async () => {
    const client = connect(
      await serve({ sayHello: (_request, call) => ({ message: String(call.deadlineMs) }) }),
    );
    expect((await client.sayHello({}, { timeoutMs: 0 })).message).toBe('undefined');
  });

  it("aborts the handler when the caller's signal aborts", async () => {
    const started = deferred();
    const reason = deferred<unknown>();
    const client = connect(
      await serve({
        sayHello: async (_request, call) => {
          started.resolve();
          return aborted(call.signal).finally(() => reason.resolve(call.signal.reason));
        },
      }),
    );
    const controller = new AbortController();
    const error = errorOf(client.sayHello({}, { signal: controller.signal }));
    await started.promise;
    controller.abort(new Error('changed my mind'));
    expect((await error).code).toBe(Code.cancelled);
    expect((await error).cause).toEqual(new Error('changed my mind'));
    expect(((await reason.promise) as ServiceError).reason).toBe('CANCELLED');
  });

  it('sends nothing when the signal is aborted already', async () => {
    let calls = 0;
    const client = connect(
      await serve({
        sayHello: () => {
          calls += 1;
          return { message: '' };
        },
      }),
    );
    const error = await errorOf(client.sayHello({}, { signal: AbortSignal.abort() }));
    expect(error.code).toBe(Code.cancelled);
    expect(calls).toBe(0);
  });

  it('cancels a stream that its reader leaves, and runs the finally block of the handler', async () => {
    const finished = deferred();
    const client = connect(
      await serve({
        sayHelloStreamReply: async function* (_request, call) {
          try {
            yield { message: 'first' };
            await aborted(call.signal);
          } finally {
            finished.resolve();
          }
        },
      }),
    );
    for await (const { message } of client.sayHelloStreamReply({})) {
      expect(message).toBe('first');
      break;
    }
    await finished.promise;
  });

  it('ends a bidirectional call when the handler returns although requests could still come', async () => {
    const client = connect(
      await serve({
        sayHelloBidiStream: async function* (requests) {
          for await (const { name } of requests) {
            yield { message: name };
            return;
          }
        },
      }),
    );
    const never = deferred();
    async function* requests() {
      yield { name: 'only' };
      await never.promise;
    }
    const replies = await collect(client.sayHelloBidiStream(requests()));
    expect(replies).toEqual([{ message: 'only' }]);
  });

  it("passes on what the caller's own requests throw, and cancels the call", async () => {
    const cancelledCall = deferred();
    const client = connect(
      await serve({
        sayHelloBidiStream: async function* (_requests, call) {
          yield { message: 'first' };
          await aborted(call.signal).finally(() => cancelledCall.resolve());
        },
      }),
    );
    const answered = deferred();
    async function* requests() {
      yield { name: 'first' };
      await answered.promise;
      throw new RangeError('no more names');
    }
    const reading = (async () => {
      for await (const _reply of client.sayHelloBidiStream(requests())) answered.resolve();
    })();
    await expect(reading).rejects.toThrow('no more names');
    await cancelledCall.promise;
  });
});

describe('errors', () => {
  it('carries code, reason, violations, metadata and retry delay to the caller', async () => {
    const thrown = invalidArgument([limitViolation('name', 256, 300)], { retryDelayMs: 1500 });
    const server = await serve({
      sayHello: () => {
        throw thrown;
      },
    });
    const error = await errorOf(connect(server).sayHello({}));
    expect(error.code).toBe(Code.invalidArgument);
    expect(error.reason).toBe('INVALID_ARGUMENT');
    expect(error.rawMessage).toBe('name: must be at most 256, got 300');
    expect(error.fieldViolations).toEqual(thrown.fieldViolations);
    expect(error.retryDelayMs).toBe(1500);
    expect(error.metadata).toMatchObject({
      field: 'name',
      limit: '256',
      value: '300',
      target: server.address,
      method: '/helloworld.Greeter/SayHello',
      attempts: '1',
    });
  });

  it('carries which limits are used up', async () => {
    const quotaViolations = [
      { subject: 'each caller', description: '1 per day', quotaId: 'daily' },
    ];
    const server = await serve({
      sayHello: () => {
        throw new ServiceError({
          code: Code.resourceExhausted,
          reason: 'QUOTA_EXHAUSTED',
          message: 'enough for today',
          quotaViolations,
        });
      },
    });

    expect((await errorOf(connect(server).sayHello({}))).quotaViolations).toEqual(quotaViolations);
  });

  it('carries them from a stream, after the messages before them', async () => {
    const client = connect(
      await serve({
        sayHelloStreamReply: async function* () {
          yield { message: 'one' };
          throw unavailable('NO_LEADER', 'no leader is known');
        },
      }),
    );
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of client.sayHelloStreamReply({})) seen.push(message);
    })();
    expect((await errorOf(reading)).reason).toBe('NO_LEADER');
    expect(seen).toEqual(['one']);
  });

  it('answers anything else with INTERNAL without its text, and logs it', async () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const client = connect(
      await serve(
        {
          sayHello: () => {
            throw new Error('secret connection string');
          },
        },
        { logger },
      ),
    );
    const error = await errorOf(client.sayHello({}));
    expect(error.reason).toBe('INTERNAL');
    expect(JSON.stringify([error.message, error.metadata])).not.toContain('secret');
    expect(lines.find((line) => line.includes('secret connection string'))).toContain(
      'call failed',
    );
  });

  it('answers a response that cannot be encoded with INTERNAL', async () => {
    const client = connect(
      await serve({ sayHello: () => undefined as unknown as { message: string } }),
    );
    expect((await errorOf(client.sayHello({}))).reason).toBe('INTERNAL');
  });

  it('cuts a text that would not fit into a header', async () => {
    const client = connect(
      await serve({
        sayHello: () => {
          throw unavailable('UNAVAILABLE', `\ud800${'x'.repeat(100_000)}`);
        },
      }),
    );
    const error = await errorOf(client.sayHello({}));
    expect(error.reason).toBe('UNAVAILABLE');
    expect(error.rawMessage.length).toBeLessThanOrEqual(1024);
  });

  it('names the target and the attempts when nobody listens', async () => {
    const client = connect('127.0.0.1:1', { idempotentMethods: ['sayHello'], backoffInitialMs: 1 });
    const error = await errorOf(client.sayHello({}));
    expect(error.code).toBe(Code.unavailable);
    expect(error.metadata).toMatchObject({ target: '127.0.0.1:1', attempts: '4' });
  });

  it('refuses a request that its message cannot carry before anything is sent', async () => {
    const client = createClient(lock.LockServiceService, '127.0.0.1:1');
    const error = await errorOf(client.checkToken({ name: 'a', fencingToken: -1n }));
    client.close();
    expect(error.code).toBe(Code.invalidArgument);
  });
});

describe('limits', () => {
  it('refuses a message above the limit with the limit and its size', async () => {
    const client = connect(await serve({}, { limits: { receiveMessageBytesMax: 1000 } }));
    const error = await errorOf(client.sayHello({ name: 'x'.repeat(2000) }));
    expect(error.code).toBe(Code.resourceExhausted);
    expect(error.reason).toBe('MESSAGE_TOO_LARGE');
    expect(error.metadata).toMatchObject({ limit: '1000', size: '2003' });
  });

  it('refuses calls beyond the number that may be in progress', async () => {
    const held = deferred();
    const started = deferred();
    const client = connect(
      await serve(
        {
          sayHello: async () => {
            started.resolve();
            await held.promise;
            return { message: 'done' };
          },
        },
        { limits: { concurrentCallsMax: 1 } },
      ),
    );
    const first = client.sayHello({});
    await started.promise;
    const error = await errorOf(client.sayHello({}));
    expect(error.reason).toBe('TOO_MANY_CALLS');
    expect(error.metadata).toMatchObject({ limit: '1' });
    held.resolve();
    expect((await first).message).toBe('done');
    expect((await client.sayHello({})).message).toBe('done');
  });
});

describe('retries', () => {
  function failingTimes(times: number, error: () => ServiceError, seen: CallContext[] = []) {
    return {
      sayHello: (_request: unknown, call: CallContext) => {
        seen.push(call);
        if (seen.length <= times) throw error();
        return { message: `after ${seen.length}` };
      },
    };
  }
  const noLeader = () => unavailable('NO_LEADER', 'no leader is known');

  it('repeats a read on UNAVAILABLE', async () => {
    const server = await serve(failingTimes(2, noLeader));
    const client = connect(server, { idempotentMethods: ['sayHello'], backoffInitialMs: 1 });
    expect((await client.sayHello({})).message).toBe('after 3');
  });

  it('does not repeat another method', async () => {
    const client = connect(await serve(failingTimes(1, noLeader)));
    const error = await errorOf(client.sayHello({}));
    expect(error.metadata).toMatchObject({ attempts: '1' });
  });

  it('repeats another method when its request has a request id', async () => {
    const client = connect(await serve(failingTimes(1, noLeader)), { backoffInitialMs: 1 });
    // The greeter's requests have none: the rule looks at the field alone.
    const request = { name: 'Ada', requestId: 'r-1' };
    expect((await client.sayHello(request)).message).toBe('after 2');
  });

  it('does not repeat on another code', async () => {
    const server = await serve(
      failingTimes(1, () => invalidArgument({ field: 'name', description: 'is empty' })),
    );
    const client = connect(server, { idempotentMethods: ['sayHello'] });
    expect((await errorOf(client.sayHello({}))).metadata).toMatchObject({ attempts: '1' });
  });

  it('waits at least as long as the server asks', async () => {
    const server = await serve(
      failingTimes(1, () => unavailable('NO_LEADER', 'none', { retryDelayMs: 200 })),
    );
    const client = connect(server, { idempotentMethods: ['sayHello'], random: () => 0 });
    const startedMs = performance.now();
    await client.sayHello({});
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
  });

  it('gives up at once when the next attempt would come after the deadline', async () => {
    const seen: CallContext[] = [];
    const server = await serve(
      failingTimes(9, () => unavailable('NO_LEADER', 'none', { retryDelayMs: 60_000 }), seen),
    );
    const client = connect(server, { idempotentMethods: ['sayHello'] });
    const error = await errorOf(client.sayHello({}, { timeoutMs: 5000 }));
    expect(error.reason).toBe('NO_LEADER');
    expect(seen).toHaveLength(1);
  });
});

describe('targets', () => {
  it('spreads calls over a list of addresses, names among them', async () => {
    const one = await serve({ sayHello: () => ({ message: 'one' }) });
    const two = await serve({ sayHello: () => ({ message: 'two' }) });
    const named = two.address.replace('127.0.0.1', 'localhost');
    const client = connect(`${one.address}, ${named}`, {
      idempotentMethods: ['sayHello'],
    });
    const seen = new Set<string>();
    const giveUpMs = performance.now() + 20_000;
    while (seen.size < 2 && performance.now() < giveUpMs) {
      seen.add((await client.sayHello({})).message);
    }
    expect([...seen].sort()).toEqual(['one', 'two']);
  });

  it('refuses a list with something else in it', () => {
    expect(() => connect('127.0.0.1:1,nonsense')).toThrow('"nonsense"');
  });
});

describe('metrics and log', () => {
  it('counts each call by method and status', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const lines: string[] = [];
    const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) });
    const client = connect(await serve({}, { metrics, logger }));
    await client.sayHello({ name: 'Ada' });
    const text = await metrics.text();
    expect(text).toMatch(
      /rpc_server_call_duration_seconds_count\{rpc_system_name="grpc",rpc_method="helloworld.Greeter\/SayHello",rpc_response_status_code="OK"\} 1/,
    );
    expect(lines.some((line) => line.includes('"method":"/helloworld.Greeter/SayHello"'))).toBe(
      true,
    );
  });
});
