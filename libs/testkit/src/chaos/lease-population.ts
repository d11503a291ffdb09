import { lock, registry } from '@raftway/contracts';
import type { SeededRandom } from '../random';
import { Caller } from './calls';
import type { Cluster } from './cluster';
import { LeaseKeeper } from './lease-keeper';
import type { Method, Rpc } from './rpc';
import { seconds } from './sessions';

const INSTANCES_PER_SERVICE = 100;
const CONCURRENCY = 64;
const ATTEMPTS_MAX = 40;
const LOCK_PREFIX = 'lease-';

/** Many sessions, each with a lock, and many registrations: what a busy suite keeps alive. */
export class LeasePopulation {
  readonly sessions: LeaseKeeper<lock.KeepAliveRequest, lock.KeepAliveResponse>;
  readonly registrations: LeaseKeeper<registry.KeepAliveRequest, registry.KeepAliveResponse>;
  readonly sessionIds: string[] = [];
  /** By instance id. */
  readonly leaseIds = new Map<string, string>();
  private readonly lockCaller: Caller;
  private readonly registryCaller: Caller;

  constructor(
    rpc: Rpc,
    cluster: Cluster,
    random: SeededRandom,
    private readonly count: number,
    private readonly ttlMs: number,
  ) {
    const lockAddresses = cluster.addressesOf('lock-service');
    const registryAddresses = cluster.addressesOf('registry');
    this.lockCaller = new Caller(rpc, lockAddresses, random.fork());
    this.registryCaller = new Caller(rpc, registryAddresses, random.fork());
    const sessionRenewal = {
      kind: 'session',
      method: lock.LockServiceService.keepAlive,
      addresses: lockAddresses,
      request: (sessionId: string) => ({ sessionId }),
      answer: ({ sessionId, expired }: lock.KeepAliveResponse) => ({ id: sessionId, expired }),
    };
    this.sessions = new LeaseKeeper(rpc, sessionRenewal, ttlMs / 5);
    const registrationRenewal = {
      kind: 'registration',
      method: registry.RegistryServiceService.keepAlive,
      addresses: registryAddresses,
      request: (leaseId: string) => ({ leaseId }),
      answer: ({ leaseId, expired }: registry.KeepAliveResponse) => ({ id: leaseId, expired }),
    };
    this.registrations = new LeaseKeeper(rpc, registrationRenewal, ttlMs / 5);
  }

  /** Makes them all; they are kept alive from the moment at which they are there. */
  async populate(): Promise<void> {
    this.sessions.start();
    this.registrations.start();
    await inParallel(this.count, CONCURRENCY, async (index) => {
      await this.openSession(index);
      await this.register(index);
    });
  }

  /** From now on every second lease belongs to somebody who has died. All leases are renewed once more before. */
  async abandonHalf(): Promise<void> {
    const timeoutMs = this.ttlMs / 2;
    await Promise.all([this.sessions.renewAll(timeoutMs), this.registrations.renewAll(timeoutMs)]);
    for (const [index, id] of this.sessionIds.entries())
      if (isDead(index)) this.sessions.abandon(id);
    for (const [instance, id] of this.leaseIds) {
      if (isDead(Number(instance))) this.registrations.abandon(id);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.sessions.stop(), this.registrations.stop()]);
  }

  /** How many leases of the living and of the dead are still there, of both kinds. */
  async census(): Promise<{ readonly living: number; readonly dead: number }> {
    const sessions = await this.sessionsWithLocks();
    const instances = await this.instances();
    const living = { count: 0 };
    const dead = { count: 0 };
    for (const [index, id] of this.sessionIds.entries()) {
      if (sessions.has(id)) (isDead(index) ? dead : living).count += 1;
    }
    for (const instance of this.leaseIds.keys()) {
      if (instances.has(instance)) (isDead(Number(instance)) ? dead : living).count += 1;
    }
    return { living: living.count, dead: dead.count };
  }

  private async openSession(index: number): Promise<void> {
    const { openSession, acquire } = lock.LockServiceService;
    const open = { ttl: seconds(this.ttlMs), requestId: `open-${index}` };
    const { sessionId } = await must(this.lockCaller, openSession, {
      ...lock.OpenSessionRequest.fromPartial(open),
    });
    this.sessionIds[index] = sessionId;
    this.sessions.keep(sessionId);
    const request = { name: `${LOCK_PREFIX}${index}`, sessionId, requestId: `acquire-${index}` };
    await must(this.lockCaller, acquire, lock.AcquireRequest.fromPartial(request));
  }

  private async register(index: number): Promise<void> {
    const request = registry.RegisterRequest.fromPartial({
      instance: {
        service: serviceOf(index),
        instanceId: String(index),
        address: `host:${index + 1}`,
      },
      ttl: seconds(this.ttlMs),
      requestId: `register-${index}`,
    });
    const { register } = registry.RegistryServiceService;
    const { leaseId } = await must(this.registryCaller, register, request);
    this.leaseIds.set(String(index), leaseId);
    this.registrations.keep(leaseId);
  }

  private async sessionsWithLocks(): Promise<Set<string>> {
    const sessions = new Set<string>();
    let pageToken = '';
    do {
      const request = { prefix: LOCK_PREFIX, pageSize: 1_000, pageToken };
      const page = await must(this.lockCaller, lock.LockServiceService.listLocks, request);
      for (const { holders } of page.locks) {
        for (const { sessionId } of holders) sessions.add(sessionId);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return sessions;
  }

  private async instances(): Promise<Set<string>> {
    const instances = new Set<string>();
    const { lookup } = registry.RegistryServiceService;
    for (let index = 0; index < this.count; index += INSTANCES_PER_SERVICE) {
      const found = await must(this.registryCaller, lookup, { service: serviceOf(index) });
      for (const { instanceId } of found.instances) instances.add(instanceId);
    }
    return instances;
  }
}

const isDead = (index: number): boolean => index % 2 === 1;

function serviceOf(index: number): string {
  return `fleet-${Math.floor(index / INSTANCES_PER_SERVICE)}`;
}

/** The answer, however many attempts it takes. @throws Error when the service refuses */
async function must<Request, Response>(
  caller: Caller,
  method: Method<Request, Response>,
  request: Request,
): Promise<Response> {
  const { outcome } = await caller.call(method, request, {
    isRepeatable: true,
    attemptsMax: ATTEMPTS_MAX,
  });
  if (outcome.kind !== 'answered') throw new Error(`${method.path}: ${outcome.reason}`);
  return outcome.response;
}

/** Does all of them, so many at a time. */
async function inParallel(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
