import { registry } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import { encodeCommand } from '../domain/commands';
import { Bench, instanceOf } from '../testing/bench';
import { eventually, startRegistry, type StartedRegistry } from '../testing/start-registry';
import { type WatchTiming } from './watch-hub';

type Event = registry.WatchResponse;

const { DEREGISTERED, EXPIRED } = registry.RemovedInstance_Reason;

let started: StartedRegistry;
const watchers: Watcher[] = [];

beforeEach(async () => {
  started = await startRegistry({ environment: { replicas: '1=10.0.0.1:50061' } });
});

afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.stop();
  await started.stop();
});

/** Begins again with other timing. */
async function restart(timing: WatchTiming): Promise<void> {
  await started.stop();
  started = await startRegistry({ timing });
}

/** Follows a Watch and keeps every event but progress. */
class Watcher {
  readonly events: Event[] = [];
  progress = 0;
  lastRevision = 0n;
  error: unknown;
  ended: Promise<void>;
  private readonly controller = new AbortController();

  constructor(service = '', fromRevision = 0n) {
    watchers.push(this);
    const events = started.client.watch(
      { service, fromRevision },
      { signal: this.controller.signal },
    );
    this.ended = this.follow(events);
  }

  stop(): void {
    this.controller.abort();
  }

  /** The events after the first `count`, as text. */
  told(after = 0): string[] {
    return this.events.slice(after).map(describeEvent);
  }

  private async follow(events: AsyncIterable<Event>): Promise<void> {
    try {
      for await (const event of events) {
        this.lastRevision = event.revision;
        if (event.event?.$case === 'progress') this.progress += 1;
        else this.events.push(event);
      }
    } catch (error) {
      this.error = error;
    }
  }
}

function describeEvent({ revision, event }: Event): string {
  const names = (instances: readonly { service: string; instanceId: string }[]) =>
    instances.map(({ service, instanceId }) => `${service}/${instanceId}`).join(',');
  switch (event?.$case) {
    case 'snapshot':
      return `${revision} snapshot${event.value.incomplete ? '…' : ''} ${names(event.value.instances)}`;
    case 'delta': {
      const { upserts, removals } = event.value;
      const removed = removals.map((each) => `-${names([each])}:${each.reason}`);
      return [`${revision} delta`, ...removed, ...upserts.map((each) => `+${names([each])}`)].join(
        ' ',
      );
    }
    case 'reset':
      return `${revision} reset`;
    case 'progress':
      return `${revision} progress`;
    default:
      return 'nothing';
  }
}

async function register(service: string, instanceId: string, fields = {}) {
  return started.client.register({ instance: instanceOf(service, instanceId, fields) });
}

describe('Watch', () => {
  it('begins with everything that is registered, the registry itself first', async () => {
    await register('greeter', 'a');
    await register('lock', 'b');

    const watcher = new Watcher();
    await eventually(() => watcher.events.length === 1);

    expect(watcher.told()).toEqual(['3 snapshot registry/registry-1,greeter/a,lock/b']);
  });

  it('begins with an empty snapshot when there is nothing', async () => {
    const watcher = new Watcher('greeter');
    await eventually(() => watcher.events.length === 1);

    expect(watcher.told()).toEqual(['1 snapshot ']);
  });

  it('then tells every change, with why an instance left', async () => {
    const watcher = new Watcher('greeter');
    await eventually(() => watcher.events.length === 1);

    const { leaseId } = await register('greeter', 'a');
    await eventually(() => watcher.events.length === 2);
    await started.client.deregister({ leaseId });
    await eventually(() => watcher.events.length === 3);
    await register('greeter', 'b');
    await eventually(() => watcher.events.length === 4);
    started.node.passTime(10_000);
    await eventually(() => watcher.events.length === 5);

    expect(watcher.told(1)).toEqual([
      '2 delta +greeter/a',
      `3 delta -greeter/a:${DEREGISTERED}`,
      '4 delta +greeter/b',
      `5 delta -greeter/b:${EXPIRED}`,
    ]);
  });

  it('of one service tells nothing of others, but how far it is', async () => {
    const watcher = new Watcher('greeter');
    await eventually(() => watcher.events.length === 1);

    await register('lock', 'b');
    await eventually(() => watcher.lastRevision === 2n);

    expect(watcher.events).toHaveLength(1);
  });

  it('says regularly that nothing is newer', async () => {
    const watcher = new Watcher();

    await eventually(() => watcher.progress >= 3);

    expect(watcher.events).toHaveLength(1);
  });

  it('says so also while changes keep coming', async () => {
    const watcher = new Watcher();
    const end = performance.now() + 300;
    while (performance.now() < end) await register('greeter', 'a');

    expect(watcher.progress).toBeGreaterThan(0);
  });

  it('refuses a bad service name', async () => {
    const watcher = new Watcher('a b');
    await watcher.ended;

    expect(watcher.error).toMatchObject({ codeName: 'INVALID_ARGUMENT' });
  });
});

describe('a watcher that resumes', () => {
  it('gets what it missed, once, and hears at once that it is up to date', async () => {
    await register('greeter', 'a');
    const { leaseId } = await register('greeter', 'b');
    await register('greeter', 'c');
    await started.client.deregister({ leaseId });

    const watcher = new Watcher('greeter', 3n);
    await eventually(() => watcher.progress > 0);

    expect(watcher.told()).toEqual([`5 delta -greeter/b:${DEREGISTERED} +greeter/c`]);
    expect(watcher.lastRevision).toBe(5n);
  });

  it('hears at once that it is up to date, long before the next regular word of it', async () => {
    await started.stop();
    started = await startRegistry({ timing: { progressIntervalMs: 60_000 } });
    await register('greeter', 'a');

    const watcher = new Watcher('greeter', 2n);

    await eventually(() => watcher.progress === 1);
  });

  it('gets only progress when it missed nothing', async () => {
    await register('greeter', 'a');

    const watcher = new Watcher('greeter', 2n);
    await eventually(() => watcher.progress > 0);

    expect(watcher.events).toEqual([]);
  });

  it('of all services hears of the registry itself again, which has no history', async () => {
    await register('greeter', 'a');

    const watcher = new Watcher('', 2n);
    await eventually(() => watcher.progress > 0);

    expect(watcher.told()).toEqual(['2 delta +registry/registry-1']);
  });

  it('gets a reset and a snapshot when its revision is from the future', async () => {
    await register('greeter', 'a');

    const watcher = new Watcher('greeter', 99n);
    await eventually(() => watcher.events.length === 2);

    expect(watcher.told()).toEqual(['2 reset', '2 snapshot greeter/a']);
  });

  it('gets a reset when the registry lost its disks and has come as far again', async () => {
    await started.stop();
    started = await startRegistry({ wallClockMs: () => 5_000_000 });
    await register('greeter', 'a');

    const watcher = new Watcher('greeter', 60n);
    await eventually(() => watcher.events.length === 2);

    expect(watcher.told()).toEqual(['5000001 reset', '5000001 snapshot greeter/a']);
  });

  it('gets a reset when the history does not reach back', async () => {
    for (let round = 0; round < 10_050; round += 1) {
      await started.node.propose(registerCommand('greeter', 'a'));
    }

    const watcher = new Watcher('greeter', 10n);
    await eventually(() => watcher.events.length === 2);

    expect(watcher.told()).toEqual(['10051 reset', '10051 snapshot greeter/a']);
  });

  it('loses nothing whatever the revision: the same list as a fresh snapshot', async () => {
    for (let round = 0; round < 40; round += 1) {
      const { leaseId } = await register(`s${round % 3}`, `i${round % 7}`);
      if (round % 4 === 0) await started.client.deregister({ leaseId });
    }
    const fresh = new Watcher();
    await eventually(() => fresh.events.length === 1);
    const resumed = new Watcher('', 1n);
    await eventually(() => resumed.lastRevision === fresh.lastRevision);

    expect(resumed.told().at(-1)?.match(/\+\S+/g)?.join(',').replaceAll('+', '')).toBe(
      fresh.told()[0]?.split(' ')[2]?.replace('registry/registry-1,', ''),
    );
  });
});

describe('a large registry', () => {
  it('is sent in parts, of which only the last is complete', async () => {
    const metadata = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`key-${index}`, 'v'.repeat(256)]),
    );
    for (let index = 0; index < 300; index += 1) {
      await started.node.propose(registerCommand('greeter', `i${index}`, { metadata }));
    }

    const watcher = new Watcher('greeter');
    await eventually(() => watcher.told().at(-1)?.includes('snapshot ') === true);

    const parts = watcher.events.map(({ event }) =>
      event?.$case === 'snapshot' ? event.value : { instances: [], incomplete: true },
    );
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ incomplete }) => incomplete)).toEqual(
      parts.map((_, position) => position < parts.length - 1),
    );
    expect(parts.flatMap(({ instances }) => instances)).toHaveLength(300);
  });
});

describe('a slow watcher', () => {
  it('costs no queue: it gets one delta for everything that happened while it did not read', async () => {
    const { signal } = new AbortController();
    const { leaseId } = await register('greeter', 'a');
    const controller = new AbortController();
    const events = started.client
      .watch({ service: 'greeter' }, { signal: AbortSignal.any([signal, controller.signal]) })
      [Symbol.asyncIterator]();
    await events.next();

    // Far more than all buffers between server and client hold.
    const metadata = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`key-${index}`, 'v'.repeat(256)]),
    );
    const command = registerCommand('greeter', 'a', { metadata });
    for (let round = 0; round < 2000; round += 1) {
      await started.node.propose(command);
      if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { revision } = started.node.machine.state;
    let count = 0;
    let last = 0n;
    while (last < BigInt(revision)) {
      const next = await events.next();
      if (next.done === true) throw new Error('the stream ended');
      last = next.value.revision;
      count += 1;
    }
    controller.abort();

    expect(leaseId).not.toBe('');
    expect(count).toBeLessThan(1000);
  });
});

describe('a replica without its leader', () => {
  it('takes no new watchers', async () => {
    started.node.hasLeader = false;
    const watcher = new Watcher();
    await watcher.ended;

    expect(watcher.error).toMatchObject({ reason: 'NO_LEADER' });
  });

  it('sends its watchers elsewhere when it lasts', async () => {
    await restart({ staleAfterMs: 200 });
    const watcher = new Watcher();
    await eventually(() => watcher.progress > 0);

    started.node.hasLeader = false;
    await watcher.ended;

    expect(watcher.error).toBeInstanceOf(ServiceError);
    expect(watcher.error).toMatchObject({ codeName: 'UNAVAILABLE', reason: 'NO_LEADER' });
  });

  it('claims nothing meanwhile', async () => {
    await restart({ staleAfterMs: 200 });
    const watcher = new Watcher();
    await eventually(() => watcher.progress > 0);

    started.node.hasLeader = false;
    await eventually(() => started.node.status().leaderId === 0);
    const { progress } = watcher;
    await watcher.ended;

    expect(watcher.progress - progress).toBeLessThanOrEqual(1);
  });

  it('keeps its watchers over a short absence', async () => {
    const watcher = new Watcher();
    await eventually(() => watcher.progress > 0);
    started.node.hasLeader = false;
    await new Promise((resolve) => setTimeout(resolve, 100));
    started.node.hasLeader = true;
    const { progress } = watcher;

    await eventually(() => watcher.progress > progress);

    expect(watcher.error).toBeUndefined();
  });
});

describe('a replica that a snapshot has overtaken', () => {
  it('goes on with its watchers, by a reset where the new history does not reach back', async () => {
    const watcher = new Watcher('greeter');
    await eventually(() => watcher.events.length === 1);
    const elsewhere = new Bench();
    elsewhere.run({
      kind: 'register',
      instance: instanceOf('greeter', 'z'),
      ttlMs: 60_000,
      firstRevision: 100,
    });

    started.node.install(elsewhere.machine.snapshot());
    await eventually(() => watcher.events.length === 3);

    expect(watcher.told(1)).toEqual(['101 reset', '101 snapshot greeter/z']);
  });
});

function registerCommand(service: string, instanceId: string, fields = {}): Uint8Array {
  const instance = instanceOf(service, instanceId, fields);
  return encodeCommand({ kind: 'register', instance, ttlMs: 60_000, firstRevision: 1 });
}
