import { randomUUID } from 'node:crypto';
import { lock } from '@raftway/contracts';
import { KeptSession, type Caller, type Rpc, RunHistory, seconds } from '@raftway/testkit';
import { eventually } from './eventually';

const { acquire, checkToken, getLock, release } = lock.LockServiceService;
const SESSION_TTL_MS = 30_000;
/** Longer than a round in which one workload comes after the other. */
const WAIT_MS = 1_800_000;
const ANSWER_MS = 10_000;
/** What a wait is told that outlasts the drain of the gateway's pod which holds its connection. */
const GATEWAY_RESTARTED = 'GATEWAY_STOPPING';

/** One Acquire that waits. */
interface LongWait {
  readonly owner: string;
  /** Why the call had to be made again, with the same request id. */
  readonly interruptions: string[];
  readonly token: Promise<bigint>;
}

/** A lock that one client holds while everything is restarted, and others wait for in the order of their calls. */
export class LongHold {
  private readonly name = `held-${randomUUID()}`;
  private readonly history = new RunHistory();
  private readonly waits: LongWait[] = [];
  private token = 0n;
  private session: KeptSession | undefined;

  constructor(private readonly caller: Caller) {}

  async take(): Promise<void> {
    const { caller, history, name } = this;
    this.session = await KeptSession.open(SESSION_TTL_MS, name, caller, history);
    if (this.session === undefined) throw new Error('no session was opened');
    const request = this.acquisition('holder', { sessionId: this.session.id });
    const { outcome } = await caller.call(acquire, request, { isRepeatable: true });
    if (outcome.kind !== 'answered') throw new Error(`not acquired: ${outcome.reason}`);
    this.token = outcome.response.fencingToken;
  }

  /** Lets a client wait for the lock; resolves when it has its place in the queue. */
  async addWait(rpc: Rpc, gateway: string): Promise<void> {
    const owner = `waiter ${this.waits.length + 1}`;
    const interruptions: string[] = [];
    const token = this.wait(rpc, gateway, owner, interruptions);
    // It is looked at in the end.
    token.catch(() => undefined);
    this.waits.push({ owner, interruptions, token });
    await eventually(`${owner} waits`, ANSWER_MS, async () => {
      const { outcome } = await this.caller.call(
        getLock,
        { name: this.name },
        { isRepeatable: true },
      );
      const waiters = outcome.kind === 'answered' ? outcome.response.lock?.waiters : undefined;
      return waiters?.length === this.waits.length;
    });
  }

  /** Releases the lock and waits until each waiter has had it. Yields what went wrong since it was taken, one sentence each. */
  async end(): Promise<string[]> {
    const findings = [...this.history.findings];
    const { caller, name, token } = this;
    const repeatable = { isRepeatable: true };
    const checked = await caller.call(checkToken, { name, fencingToken: token }, repeatable);
    if (checked.outcome.kind !== 'answered' || !checked.outcome.response.valid) {
      findings.push('the lock that was held all the while is lost');
    }
    const request = lock.ReleaseRequest.fromPartial({
      ...{ name, sessionId: this.session?.id ?? '', ownerId: 'holder', fencingToken: token },
    });
    const released = await caller.call(release, request, { isRepeatable: false });
    if (released.outcome.kind !== 'answered') findings.push(`Release: ${released.outcome.reason}`);
    let last = token;
    for (const wait of this.waits) {
      const next = await wait.token.catch((error: unknown) => {
        findings.push(`${wait.owner} was refused: ${String(error)}`);
        return last;
      });
      if (next < last) findings.push(`${wait.owner} was overtaken`);
      last = next;
      const others = wait.interruptions.filter((reason) => reason !== GATEWAY_RESTARTED);
      if (others.length > 0) findings.push(`${wait.owner} was told ${others.join(', ')}`);
    }
    return findings;
  }

  /** Renews no longer. */
  abandon(): void {
    this.session?.abandon();
  }

  /** When the call breaks off it is made again with its request id. */
  private async wait(
    rpc: Rpc,
    gateway: string,
    owner: string,
    interruptions: string[],
  ): Promise<bigint> {
    const request = this.acquisition(owner, {
      // Without a session the lock is the caller's for so long after the grant.
      ttl: seconds(1_000),
      waitTimeout: seconds(WAIT_MS),
      requestId: `${this.name} ${owner}`,
    });
    for (;;) {
      const outcome = await rpc.unary(gateway, acquire, request, WAIT_MS + ANSWER_MS);
      if (outcome.kind === 'answered' && outcome.response.acquired) {
        return outcome.response.fencingToken;
      }
      if (outcome.kind === 'answered') throw new Error('the wait was over');
      if (interruptions.push(outcome.reason) > 10) throw new Error(interruptions.join(', '));
    }
  }

  private acquisition(
    ownerId: string,
    more: Parameters<typeof lock.AcquireRequest.fromPartial>[0],
  ): lock.AcquireRequest {
    return lock.AcquireRequest.fromPartial({ name: this.name, ownerId, ...more });
  }
}
