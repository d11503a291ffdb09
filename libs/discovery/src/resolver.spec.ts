import { status, experimental } from '@grpc/grpc-js';
import { registry } from '@raftway/contracts';
import { installRegistryResolver, RegistryResolver } from './resolver';
import { MemoryServiceView, testInstance } from './testing';

const { DRAINING } = registry.InstanceStatus;

const one = testInstance({ service: 'greeter', instanceId: 'a', address: '10.0.0.1:1' });
const two = testInstance({ service: 'greeter', instanceId: 'b', address: '[::1]:2' });
const other = testInstance({ service: 'lock', instanceId: 'c', address: '10.0.0.3:3' });

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A channel of grpc-js 1.14: it hands over a function. */
function functionChannel() {
  const told: unknown[] = [];
  const listener = (endpoints: { ok: boolean; value?: unknown; error?: { details: string } }) =>
    told.push(endpoints.ok ? endpoints.value : endpoints.error?.details);
  return { told, listener };
}

/** A channel of grpc-js 1.13: it hands over an object. */
function objectChannel() {
  const told: unknown[] = [];
  const listener = {
    onSuccessfulResolution: (endpoints: unknown) => told.push(endpoints),
    onError: (error: { code: number; details: string }) => told.push(error),
  };
  return { told, listener };
}

const addressOf = (host: string, port: number) => ({ addresses: [{ host, port }] });

describe.each([
  ['1.14', functionChannel],
  ['1.13', objectChannel],
])('for grpc-js %s the resolver', (_, channel) => {
  it('tells the serving instances of its service, and each change', async () => {
    const view = new MemoryServiceView([one, other]);
    const { told, listener } = channel();
    const resolver = new RegistryResolver(view, 'greeter', listener);

    resolver.updateResolution();
    expect(told).toEqual([]);
    await settle();
    view.set([one, two, other]);
    await settle();

    expect(told).toEqual([
      [addressOf('10.0.0.1', 1)],
      [addressOf('10.0.0.1', 1), addressOf('::1', 2)],
    ]);
  });

  it('leaves out what drains, what does not speak gRPC, and what has no usable address', async () => {
    const view = new MemoryServiceView([
      one,
      { ...two, status: DRAINING },
      { ...two, instanceId: 'd', protocol: 'http' },
      { ...two, instanceId: 'e', address: 'nonsense' },
    ]);
    const { told, listener } = channel();

    new RegistryResolver(view, 'greeter', listener).updateResolution();
    await settle();

    expect(told).toEqual([[addressOf('10.0.0.1', 1)]]);
  });

  it('says nothing twice, however often the channel asks', async () => {
    const view = new MemoryServiceView([one]);
    const { told, listener } = channel();
    const resolver = new RegistryResolver(view, 'greeter', listener);

    for (let round = 0; round < 3; round += 1) {
      resolver.updateResolution();
      await settle();
    }
    view.set([one, other]);
    await settle();

    expect(told).toHaveLength(1);
  });

  it('says nothing after destroy, and everything when it is asked again', async () => {
    const view = new MemoryServiceView([one]);
    const { told, listener } = channel();
    const resolver = new RegistryResolver(view, 'greeter', listener);
    resolver.updateResolution();
    await settle();

    resolver.destroy();
    view.set([one, two]);
    await settle();
    const afterDestroy = told.length;
    resolver.updateResolution();
    await settle();

    expect(afterDestroy).toBe(1);
    expect(told).toHaveLength(2);
  });
});

describe('when nobody serves', () => {
  it('a channel of 1.14 loses its addresses and learns why', async () => {
    const { told, listener } = functionChannel();

    new RegistryResolver(new MemoryServiceView([other]), 'greeter', listener).updateResolution();
    await settle();

    expect(told).toEqual([[], 'the registry knows no serving instance of "greeter"']);
  });

  it('a channel of 1.13 gets UNAVAILABLE', async () => {
    const { told, listener } = objectChannel();

    new RegistryResolver(new MemoryServiceView([other]), 'greeter', listener).updateResolution();
    await settle();

    expect(told).toEqual([expect.objectContaining({ code: status.UNAVAILABLE })]);
  });
});

describe('installRegistryResolver', () => {
  it('makes grpc-js resolve registry:///<service> by the view', async () => {
    installRegistryResolver(new MemoryServiceView([one]));
    const { told, listener } = functionChannel();
    const target = { scheme: 'registry', authority: '', path: 'greeter' };

    experimental.createResolver(target, listener as never, {}).updateResolution();
    await settle();

    expect(told).toEqual([[addressOf('10.0.0.1', 1)]]);
  });
});
