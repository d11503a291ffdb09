/** The discovery library against real registries, which come and go. */
import { helloworld, registry } from '@raftway/contracts';
import {
  installRegistryResolver,
  registerSelf,
  RegistryClient,
  watchServices,
  type SelfRegistration,
  type SelfRegistrationOptions,
  type ServiceChange,
  type ServiceView,
} from '@raftway/discovery';
import {
  createClient,
  createServer,
  implementService,
  type RaftwayServer,
} from '@raftway/service-kit';
import { encodeCommand } from './domain/commands';
import { instanceOf } from './testing/bench';
import { eventually, startRegistry, type StartedRegistry } from './testing/start-registry';

const { DRAINING, SERVING } = registry.InstanceStatus;
const QUICK = { initialMs: 5, maxMs: 50 };

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Parameters<typeof startRegistry>[0] = {}): Promise<StartedRegistry> {
  const started = await startRegistry(options);
  cleanups.push(() => started.stop());
  return started;
}

function watch(seeds: readonly string[], options = {}): ServiceView {
  const view = watchServices({
    registry: seeds,
    ...QUICK,
    random: () => 0,
    firstEventTimeoutMs: 500,
    silenceMaxMs: 1000,
    ...options,
  });
  cleanups.push(() => view.close());
  return view;
}

function enroll(
  options: Partial<SelfRegistrationOptions> & Pick<SelfRegistrationOptions, 'registry'>,
) {
  const registration = registerSelf({
    instance: { service: 'greeter', instanceId: 'a', address: '127.0.0.1:1' },
    ttlMs: 1000,
    ...QUICK,
    ...options,
  });
  cleanups.push(() => registration.deregister(200));
  return registration;
}

function ids(view: ServiceView, service = 'greeter'): string[] {
  return view.instances(service).map(({ instanceId }) => instanceId);
}

/** Registers without a connection: one of a registry that has just come back may still be waiting to be tried again. */
async function add(started: StartedRegistry, instanceId: string, fields = {}) {
  const instance = instanceOf('greeter', instanceId, fields);
  const firstRevision = started.wallClockMs();
  const command = { kind: 'register', instance, ttlMs: 3_600_000, firstRevision } as const;
  const { result } = await started.node.propose(encodeCommand(command));
  if (result.kind !== 'registered') throw new Error(result.kind);
  return { leaseId: result.leaseId };
}

describe('a service view', () => {
  it('shows what is registered, and tells each change with the new state in place', async () => {
    const started = await start();
    const view = watch([started.address]);
    const changes: [ServiceChange, string[]][] = [];
    view.onChange((change) => changes.push([change, ids(view)]));
    await view.ready();

    const { leaseId } = await add(started, 'a');
    await eventually(() => ids(view).length === 1);
    await started.client.setStatus({ leaseId, status: DRAINING });
    await eventually(() => view.instances('greeter')[0]?.status === DRAINING);
    await started.client.deregister({ leaseId });
    await eventually(() => ids(view).length === 0);

    const ofGreeter = changes.filter(([{ services }]) => services.has('greeter'));
    expect(
      ofGreeter.map(([{ upserts, removals }, seen]) => [
        upserts.map(({ status }) => status),
        removals,
        seen,
      ]),
    ).toEqual([
      [[SERVING], [], ['a']],
      [[DRAINING], [], ['a']],
      [[], [{ service: 'greeter', instanceId: 'a', reason: 'deregistered' }], []],
    ]);
    expect(view.services().has('greeter')).toBe(false);
    expect(view.services().has('registry')).toBe(true);
  });

  it('never mutates a map that it has given out', async () => {
    const started = await start();
    const view = watch([started.address]);
    await view.ready();
    const before = view.services();

    await add(started, 'a');
    await eventually(() => ids(view).length === 1);

    expect(before.has('greeter')).toBe(false);
  });

  it('can be of one service', async () => {
    const started = await start();
    const view = watch([started.address], { service: 'greeter' });
    await add(started, 'a');

    await eventually(() => ids(view).length === 1);

    expect([...view.services().keys()]).toEqual(['greeter']);
  });

  it('keeps the last state while the registry is away, says how old it is, and resumes', async () => {
    const first = await start({ bind: '127.0.0.1:0' });
    const view = watch([first.address]);
    await add(first, 'a');
    await eventually(() => ids(view).length === 1);
    const changes: ServiceChange[] = [];
    view.onChange((change) => changes.push(change));
    const snapshot = first.node.machine.snapshot();

    await first.stop();
    await eventually(() => !view.isConnected());
    await eventually(() => view.ageMs() > 300);
    const whileAway = ids(view);
    const second = await start({ bind: first.address, snapshot });
    await add(second, 'b');
    await eventually(() => ids(view).length === 2);

    expect(whileAway).toEqual(['a']);
    expect(changes.map(({ upserts }) => upserts.map(({ instanceId }) => instanceId))).toEqual([
      ['b'],
    ]);
    await eventually(() => view.ageMs() < 200);
  });

  it('loses what a registry without its disks does not list any more', async () => {
    const first = await start();
    const view = watch([first.address]);
    await add(first, 'a');
    await eventually(() => ids(view).length === 1);
    const changes: ServiceChange[] = [];
    view.onChange((change) => changes.push(change));

    await first.stop();
    const second = await start({ bind: first.address, wallClockMs: () => 1_000_000 });
    await add(second, 'b');
    await eventually(() => ids(view).join() === 'b');

    expect(changes.flatMap(({ removals }) => removals)).toEqual([
      { service: 'greeter', instanceId: 'a', reason: 'unspecified' },
    ]);
  });

  it('moves to another seed when one is away', async () => {
    const one = await start();
    const snapshot = one.node.machine.snapshot();
    const other = await start({ snapshot });
    const view = watch([one.address, other.address]);
    await view.ready();
    await add(other, 'b');

    await one.stop();

    await eventually(() => ids(view).join() === 'b');
  });

  it('moves on when its replica has lost its leader', async () => {
    const one = await start({ timing: { staleAfterMs: 200 } });
    const other = await start({ snapshot: one.node.machine.snapshot() });
    const view = watch([one.address, other.address]);
    await view.ready();
    await add(other, 'b');

    one.node.hasLeader = false;

    await eventually(() => ids(view).join() === 'b');
  });

  it('waits for a registry that is not there yet', async () => {
    const gone = await start();
    await gone.stop();
    const view = watch([gone.address]);
    const early = await view.ready(AbortSignal.timeout(100)).then(
      () => 'ready',
      () => 'waiting',
    );

    await start({ bind: gone.address });
    await view.ready();

    expect(early).toBe('waiting');
    expect(view.isConnected()).toBe(true);
  });

  it('survives a listener that throws', async () => {
    const started = await start();
    const view = watch([started.address]);
    const seen: bigint[] = [];
    view.onChange(() => {
      throw new Error('listener');
    });
    view.onChange(({ revision }) => seen.push(revision));
    await view.ready();

    await add(started, 'a');
    await eventually(() => ids(view).length === 1);

    expect(seen.length).toBeGreaterThan(0);
    expect(view.isConnected()).toBe(true);
  });

  it('says so to those who wait for it when it is closed first', async () => {
    const view = watchServices({ registry: ['127.0.0.1:1'], ...QUICK });
    const waiting = view.ready().catch((error: unknown) => error);

    await view.close();

    expect(await waiting).toMatchObject({ codeName: 'CANCELLED' });
  });

  it('applies a large snapshot as a whole', async () => {
    const started = await start();
    const metadata = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`key-${index}`, 'v'.repeat(256)]),
    );
    for (let index = 0; index < 300; index += 1) await add(started, `i${index}`, { metadata });
    const sizes: number[] = [];
    const view = watch([started.address]);
    view.onChange(() => sizes.push(ids(view).length));

    await view.ready();

    expect(sizes).toEqual([300]);
  });
});

describe('self-registration', () => {
  it('registers, renews, and is gone after deregister', async () => {
    const started = await start();
    const registration = enroll({ registry: [started.address] });
    await registration.registered();
    const commands = started.node.commands.length;

    // The log clock passes as time does; without renewals the lease would end after 1 s.
    for (let step = 0; step < 15; step += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      started.node.passTime(100);
    }
    const listed = started.node.machine.state.services.has('greeter');
    await registration.deregister();

    expect(listed).toBe(true);
    expect(started.node.commands.length).toBeGreaterThan(commands + 2);
    expect(started.node.machine.state.services.has('greeter')).toBe(false);
  });

  it('registers again when the registry says that the lease is gone', async () => {
    const started = await start();
    const registration = enroll({ registry: [started.address] });
    await registration.registered();
    const lost = registration.leaseId();

    started.node.passTime(1000);
    const gone = !started.node.machine.state.services.has('greeter');
    await eventually(() => started.node.machine.state.services.has('greeter'));
    await eventually(() => registration.leaseId() !== undefined);

    expect(gone).toBe(true);
    expect(registration.leaseId()).not.toBe(lost);
  });

  it('keeps its lease over a registry that comes back with its disks', async () => {
    const first = await start();
    const registration = enroll({ registry: [first.address] });
    await registration.registered();
    const leaseId = registration.leaseId();
    await first.stop();

    const second = await start({
      bind: first.address,
      snapshot: first.node.machine.snapshot(),
    });
    await eventually(() => second.node.commands.length > 0 && registration.isRegistered());

    expect(registration.leaseId()).toBe(leaseId);
    expect(second.node.machine.state.instanceCount).toBe(1);
  });

  it('registers anew with a registry that lost its disks', async () => {
    const first = await start();
    const registration = enroll({ registry: [first.address] });
    await registration.registered();
    await first.stop();

    const second = await start({ bind: first.address });
    // Another instance takes the log index under which this one was registered.
    await add(second, 'other');

    await eventually(() => second.node.machine.state.instanceCount === 2);
    await eventually(() => registration.isRegistered());
  });

  it('waits for a registry that is not there yet, without failing', async () => {
    const gone = await start();
    await gone.stop();
    const registration = enroll({ registry: [gone.address] });
    const before = registration.isRegistered();

    const started = await start({ bind: gone.address });
    await registration.registered();

    expect(before).toBe(false);
    expect(started.node.machine.state.instanceCount).toBe(1);
  });

  it('goes on over another seed', async () => {
    const one = await start();
    const two = await start();
    const client = new RegistryClient([one.address, two.address], { random: () => 0 });
    cleanups.push(() => client.close());
    const registration = enroll({ registry: client });
    await registration.registered();

    await one.stop();

    await eventually(() => two.node.machine.state.instanceCount === 1);
    await eventually(() => registration.isRegistered());
  });

  it('tells the registry its status, and again after registering anew', async () => {
    const started = await start();
    const registration = enroll({ registry: [started.address] });
    await registration.registered();

    const taken = await registration.setStatus(DRAINING);
    const first = started.node.machine.state.instanceOf(registration.leaseId() ?? '');
    started.node.passTime(1000);
    await eventually(() => started.node.machine.state.instanceCount === 1);

    expect(taken).toBe(true);
    expect(first?.status).toBe(DRAINING);
    const registrations = started.node.machine.state.services.get('greeter')?.registrations;
    expect(registrations?.get('a')?.instance.status).toBe(DRAINING);
  });

  it('sends a status that could not be sent with the next renewal', async () => {
    const started = await start();
    const registration = enroll({ registry: [started.address] });
    await registration.registered();
    started.node.hasLeader = false;

    const taken = await registration.setStatus(DRAINING);
    started.node.hasLeader = true;

    expect(taken).toBe(false);
    await eventually(
      () =>
        started.node.machine.state.instanceOf(registration.leaseId() ?? '')?.status === DRAINING,
    );
  });

  it('leaves within its time when the registry is away', async () => {
    const started = await start();
    const registration = enroll({ registry: [started.address] });
    await registration.registered();
    await started.stop();

    const begun = performance.now();
    await registration.deregister(300);

    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('goes on trying when the registry refuses the instance, and can be ended', async () => {
    const started = await start();
    const registration: SelfRegistration = enroll({
      registry: [started.address],
      instance: { service: 'registry', instanceId: 'a', address: '127.0.0.1:1' },
    });

    await new Promise((resolve) => setTimeout(resolve, 100));
    await registration.deregister();

    expect(registration.isRegistered()).toBe(false);
    expect(started.node.machine.state.instanceCount).toBe(0);
  });
});

describe('registry:///greeter', () => {
  async function greeter(name: string): Promise<RaftwayServer> {
    const refuse = () => {
      throw new Error('not part of this spec');
    };
    const server = createServer({
      name,
      drainDelayMs: 0,
      drainTimeoutMs: 100,
      services: [
        implementService(helloworld.GreeterService, {
          ...Object.fromEntries(Object.keys(helloworld.GreeterService).map((key) => [key, refuse])),
          sayHello: () => Promise.resolve({ message: name }),
        } as unknown as Parameters<typeof implementService<typeof helloworld.GreeterService>>[1]),
      ],
    });
    await server.start();
    cleanups.push(() => server.stop());
    return server;
  }

  function channel() {
    const client = createClient(helloworld.GreeterService, 'registry:///greeter', {
      attemptsMax: 1,
      shareChannel: false,
      defaultTimeoutMs: 3000,
    });
    cleanups.push(() => client.close());
    return client;
  }

  async function answers(client: ReturnType<typeof channel>): Promise<string> {
    const names = new Set<string>();
    for (let call = 0; call < 10; call += 1) {
      names.add((await client.sayHello({ name: 'x' })).message);
    }
    return [...names].sort().join();
  }

  it('reaches all instances, also those that came after the channel was made', async () => {
    const started = await start();
    await add(started, 'a', { address: (await greeter('a')).address });
    installRegistryResolver(watch([started.address]));
    const client = channel();
    const before = await answers(client);

    await add(started, 'b', { address: (await greeter('b')).address });

    await eventually(async () => (await answers(client)) === 'a,b');
    expect(before).toBe('a');
  });

  it('leaves out an instance that drains', async () => {
    const started = await start();
    await add(started, 'a', { address: (await greeter('a')).address });
    installRegistryResolver(watch([started.address]));
    const { leaseId } = await add(started, 'b', { address: (await greeter('b')).address });
    const client = channel();
    await eventually(async () => (await answers(client)) === 'a,b');

    await started.client.setStatus({ leaseId, status: DRAINING });

    await eventually(async () => (await answers(client)) === 'a');
  });

  it('fails at once when nobody is left, and works again when somebody comes', async () => {
    const started = await start();
    const { address } = await greeter('a');
    const { leaseId } = await add(started, 'a', { address });
    installRegistryResolver(watch([started.address]));
    const client = channel();
    await answers(client);
    await started.client.deregister({ leaseId });

    await eventually(async () => {
      const begun = performance.now();
      const error: unknown = await client.sayHello({ name: 'x' }).catch((each: unknown) => each);
      const isQuick = performance.now() - begun < 1000;
      return isQuick && error instanceof Error && error.message.includes('no serving instance');
    });
    await add(started, 'a', { address });

    await eventually(() =>
      answers(client).then(
        (names) => names === 'a',
        () => false,
      ),
    );
  });

  it('goes on with the last known instances while the registry is away', async () => {
    const started = await start();
    await add(started, 'a', { address: (await greeter('a')).address });
    const view = watch([started.address]);
    installRegistryResolver(view);
    const client = channel();
    await answers(client);

    await started.stop();
    await eventually(() => !view.isConnected());

    expect(await answers(client)).toBe('a');
    expect(await answers(channel())).toBe('a');
  });
});
