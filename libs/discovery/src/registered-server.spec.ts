import { registry } from '@raftway/contracts';
import { silentLogger } from '@raftway/observability';
import { createServer } from '@raftway/service-kit';
import { startFakeRegistry, type RegistryHandlers } from './fake-registry';
import { defaultInstanceId, registeredServer } from './registered-server';
import { registerSelf, type SelfRegistration } from './self-registration';

const { DRAINING } = registry.InstanceStatus;

/** A server that notes what happens to it among the other events. */
function notedServer(events: string[]) {
  return {
    address: '127.0.0.1:7',
    start: () => Promise.resolve(void events.push('serving')),
    stop: async () => {
      events.push('NOT_SERVING');
      await new Promise((resolve) => setTimeout(resolve, 300));
      events.push('refusing calls');
    },
  };
}

/** A registry that notes what it is told. */
function notedRegistry(events: string[]): Partial<RegistryHandlers> {
  return {
    register: ({ instance, ttl }) => {
      events.push(`registered ${instance?.instanceId ?? ''} at ${instance?.address ?? ''}`);
      return { leaseId: 'lease', revision: 1n, ttl };
    },
    keepAlive: async function* (requests) {
      for await (const { leaseId } of requests) yield { leaseId, ttl: undefined, expired: false };
    },
    setStatus: ({ status }) => {
      events.push(status === DRAINING ? 'DRAINING' : 'another status');
      return { revision: 2n };
    },
    deregister: () => {
      events.push('deregistered');
      return { revision: 3n };
    },
  };
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A registry for one spec, and a promise of the first registration there. */
async function directoryWith(handlers: Partial<RegistryHandlers>) {
  const directory = await startFakeRegistry(handlers);
  cleanups.push(() => directory.stop());
  let note: (registration: SelfRegistration) => void;
  const entered = new Promise<SelfRegistration>((resolve) => (note = resolve));
  const register: typeof registerSelf = (options) => {
    const registration = registerSelf(options);
    note(registration);
    return registration;
  };
  const registered = async () => (await entered).registered();
  return { directory, register, registered };
}

const common = {
  service: 'greeter',
  instanceId: () => 'greeter-1',
  grpcServices: ['helloworld.Greeter'],
  logger: silentLogger(),
};

describe('a registered server', () => {
  it('is entered once it is of use, and never when it ends before', async () => {
    const events: string[] = [];
    const { directory, register, registered } = await directoryWith(notedRegistry(events));
    const options = { registry: [directory.address], drainDelayMs: 0 };
    let becomeUseful: () => void = () => undefined;
    const whenUseful = () => new Promise<void>((resolve) => (becomeUseful = resolve));
    const make = () =>
      registeredServer({ ...common, register, options, whenUseful, server: notedServer(events) });
    const early = make();
    await early.start();
    await early.stop();
    becomeUseful();

    const running = make();
    await running.start();
    expect(events).not.toContain('registered greeter-1 at 127.0.0.1:7');
    becomeUseful();
    await registered();
    await running.stop();

    expect(events.filter((event) => event.startsWith('registered'))).toHaveLength(1);
  });

  it('leaves in order: DRAINING, NOT_SERVING, out of the registry, and only then it refuses calls', async () => {
    const events: string[] = [];
    const { directory, register, registered } = await directoryWith(notedRegistry(events));
    const options = { registry: [directory.address], drainDelayMs: 300 };
    const running = registeredServer({ ...common, register, options, server: notedServer(events) });
    await running.start();
    await registered();

    await Promise.all([
      running.stop(() => Promise.resolve(void events.push('before the server'))),
      running.stop(),
    ]);

    expect(events).toEqual([
      'serving',
      'registered greeter-1 at 127.0.0.1:7',
      'DRAINING',
      'before the server',
      'NOT_SERVING',
      'deregistered',
      'refusing calls',
    ]);
  });

  it('says DRAINING also when it is stopped while it registers', async () => {
    const events: string[] = [];
    let answer: () => void = () => undefined;
    const { directory, register } = await directoryWith({
      ...notedRegistry(events),
      register: async ({ ttl }) => {
        await new Promise<void>((resolve) => (answer = resolve));
        return { leaseId: 'lease', revision: 1n, ttl };
      },
    });
    const options = { registry: [directory.address], drainDelayMs: 300 };
    const server = { ...notedServer(events), stop: () => Promise.resolve() };
    const running = registeredServer({ ...common, register, options, server });
    await running.start();

    const stopped = running.stop();
    const answering = setInterval(() => answer(), 10);
    await stopped;
    clearInterval(answering);

    expect(events).toEqual(['serving', 'DRAINING', 'deregistered']);
  });

  it('registers the weight and the zone that it is told, or the usual weight and none', async () => {
    const entered: (string | number | undefined)[][] = [];
    const { directory, register, registered } = await directoryWith({
      ...notedRegistry([]),
      register: ({ instance, ttl }) => {
        entered.push([instance?.weight, instance?.zone]);
        return { leaseId: 'lease', revision: 1n, ttl };
      },
    });
    const options = { registry: [directory.address], drainDelayMs: 0 };
    const make = (extra: { weight?: number; zone?: string }) =>
      registeredServer({
        ...common,
        register,
        options: { ...options, ...extra },
        server: notedServer([]),
      });
    const told = make({ weight: 30, zone: 'north' });
    await told.start();
    await registered();
    await told.stop();
    const usual = make({});
    await usual.start();
    await usual.stop();

    expect(entered).toEqual([
      [30, 'north'],
      [100, ''],
    ]);
  });

  it('registers the address that it is told to advertise', async () => {
    const events: string[] = [];
    const { directory, register, registered } = await directoryWith(notedRegistry(events));
    const options = { registry: [directory.address], drainDelayMs: 0, advertise: 'a.example:9' };
    const running = registeredServer({ ...common, register, options, server: notedServer(events) });

    await running.start();
    await registered();
    await running.stop();

    expect(events).toContain('registered greeter-1 at a.example:9');
  });

  it.each(['away', 'silent'])('is not held up by a registry that is %s', async (how) => {
    const silence = () => new Promise<never>(() => undefined);
    const { directory, register, registered } = await directoryWith({
      ...notedRegistry([]),
      setStatus: silence,
      deregister: silence,
    });
    const server = createServer({ name: 'greeter', services: [], drainDelayMs: 0 });
    const options = { registry: [directory.address], drainDelayMs: 0 };
    const running = registeredServer({ ...common, register, options, server });
    await running.start();
    await registered();
    if (how === 'away') await directory.stop();

    const before = performance.now();
    await running.stop();

    // Half a second, and some more for a slow machine; without a bound it is two seconds and more.
    expect(performance.now() - before).toBeLessThan(1500);
  });
});

it('names an instance by its host and port', () => {
  expect(defaultInstanceId('greeter', '127.0.0.1:20051')).toMatch(/^greeter-.+-20051$/);
});
