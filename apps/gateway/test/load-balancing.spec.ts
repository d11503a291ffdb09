import * as grpc from '@grpc/grpc-js';
import { type EchoBackend, type UnaryCall, type UnaryDone } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';

let harness: Harness;

afterEach(async () => {
  await harness.close();
});

/** Backends whose unary calls with the body `hold` never end. */
async function holdingBackends(names: readonly string[]): Promise<EchoBackend[]> {
  const backends: EchoBackend[] = [];
  for (const name of names) {
    const backend: EchoBackend = await harness.backend(name, {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        backend.note(call);
        if (call.request.toString() !== 'hold') done(null, call.request);
      },
    });
    backends.push(backend);
  }
  return backends;
}

function totalOf(backends: readonly EchoBackend[]): number {
  return backends.reduce((sum, { calls }) => sum + calls, 0);
}

describe('least_request', () => {
  it('sends new calls to the instance with fewer open ones, and counts those again that have ended', async () => {
    harness = await Harness.start({ loadBalancing: 'least_request' });
    const backends = await holdingBackends(['a', 'b']);
    harness.registerAll();
    const client = harness.client();
    const held = client.unary('hold', { deadline: Date.now() + 1500 });
    await eventually(() => totalOf(backends) === 1, 'the call is held');
    const busy = backends.find(({ calls }) => calls === 1);

    for (let call = 0; call < 20; call += 1) await client.unary('x');
    expect(busy?.calls).toBe(1);

    expect((await held).code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await eventually(() => busy?.cancelled === 1, 'the instance was told');
    for (let call = 0; call < 20; call += 1) await client.unary('x');
    expect(busy?.calls).toBeGreaterThan(1);
  });
});

describe('peak_ewma', () => {
  it('sends few calls to an instance that fails fast', async () => {
    harness = await Harness.start({ loadBalancing: 'peak_ewma' });
    const full: EchoBackend = await harness.backend('full', {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        full.note(call);
        done({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'full' });
      },
    });
    const well = await harness.backend('well');
    harness.registerAll();
    const client = harness.client();

    for (let call = 0; call < 50; call += 1) await client.unary('x');

    expect(full.calls).toBeLessThanOrEqual(2);
    expect(well.calls).toBe(50 - full.calls);
  });
});

describe('hashing', () => {
  const session = (value: string): { metadata: grpc.Metadata } => {
    const metadata = new grpc.Metadata();
    metadata.set('x-session', value);
    return { metadata };
  };

  it.each(['ring_hash', 'maglev', 'rendezvous'] as const)(
    'keeps calls with one header value at one instance under %s, and spreads the values',
    async (loadBalancing) => {
      harness = await Harness.start({ loadBalancing, hashHeader: 'x-session' });
      const backends = [await harness.backend('a'), await harness.backend('b')];
      harness.registerAll();
      const client = harness.client();

      for (let value = 0; value < 20; value += 1) {
        const before = backends.map(({ calls }) => calls);
        for (let call = 0; call < 3; call += 1) await client.unary('x', session(`s${value}`));
        const given = backends.map(({ calls }, index) => calls - (before[index] ?? 0));
        expect(given.sort()).toEqual([0, 3]);
      }

      expect(Math.min(...backends.map(({ calls }) => calls))).toBeGreaterThan(0);
    },
  );

  it('goes by the address of the client when no header is named', async () => {
    harness = await Harness.start({ loadBalancing: 'maglev' });
    const backends = [await harness.backend('a'), await harness.backend('b')];
    harness.registerAll();
    const [one, two] = [harness.client(), harness.client()];

    for (let call = 0; call < 6; call += 1) await (call % 2 === 0 ? one : two).unary('x');

    expect(backends.map(({ calls }) => calls).sort()).toEqual([0, 6]);
  });

  it('gives the surplus of a key to the next instance when its load is bound', async () => {
    harness = await Harness.start({ loadBalancing: 'maglev', hashBoundPercent: 150 });
    const backends = await holdingBackends(['a', 'b', 'c']);
    harness.registerAll();
    const client = harness.client();
    const calls: Promise<unknown>[] = [];

    for (let call = 1; call <= 12; call += 1) {
      calls.push(client.unary('hold', { deadline: Date.now() + 20_000 }));
      await eventually(() => totalOf(backends) === call, `call ${call} is held`);
    }

    // Half of the twelve, one and a half times its third, for the first two.
    expect(backends.map(({ calls: held }) => held).sort()).toEqual([0, 6, 6]);
    for (const backend of backends) backend.stop();
    await Promise.all(calls);
  });
});

describe('zones', () => {
  it('keep calls at home, and pass them on when nobody is there any more', async () => {
    harness = await Harness.start({ zone: 'north' });
    const backends = [await harness.backend('a'), await harness.backend('b')];
    const [home, away] = backends;
    harness.view.set(
      ...backends.map(({ address, name }) =>
        instanceOf(address, { instanceId: name, zone: name === 'a' ? 'north' : 'south' }),
      ),
    );
    const client = harness.client();

    for (let call = 0; call < 10; call += 1) await client.unary('x');
    expect([home?.calls, away?.calls]).toEqual([10, 0]);

    home?.stop();
    for (let call = 0; call < 10; call += 1) await client.unary('x');
    expect(away?.calls).toBeGreaterThanOrEqual(9);
  });
});
