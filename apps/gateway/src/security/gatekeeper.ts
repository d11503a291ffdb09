import { type Socket } from 'node:net';
import { type Logger } from '@raftway/observability';
import { peerIdentity } from '@raftway/tls';
import { ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import {
  type CallSecurity,
  type Fault,
  type SecurityPolicyDocument,
  type SecuritySettings,
  type SecurityTable,
} from '../domain/documents';
import { type CallIdentity } from '../domain/call-identity';
import { identified } from '../domain/security/identity-headers';
import { hostNotCovered } from '../domain/security/refusals';
import { type MemoryBudget } from '../proxy/memory-budget';
import { type OpenCalls } from '../proxy/open-calls';
import { type Authorizer } from './authorizer';
import { type CallFacts } from './call-facts';
import { type Admission, type Denial, Guard, type GuardExplanation, type Judgement } from './guard';
import { type KeySetObserver } from './key-set';
import { KeySets } from './key-sets';
import { PendingCall } from './pending-call';

/** Counts what policies say. */
export interface SecurityObserver extends KeySetObserver {
  /** @param policy empty for a host of no Gateway. @param result `allowed`, `failed_open`, or the reason of the refusal in lower case */
  onJudged(policy: string, result: string): void;
}

/** What a {@link Gatekeeper} works with. */
export interface GatekeeperSettings {
  readonly memory: MemoryBudget;
  readonly openCalls: OpenCalls;
  readonly logger: Logger;
  readonly observer: SecurityObserver;
  readonly asksCertificates: boolean;
  readonly authorizer: (settings: SecuritySettings) => Authorizer | undefined;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** What a call is judged by, as the dispatcher knows it. */
export type CallStart = Omit<CallFacts, 'certificateNames'> & {
  readonly host: string;
  /** The connection's; undefined when nothing is known of it. */
  readonly socket: Socket | undefined;
};

/** What becomes of a call that is judged. */
export interface Outcomes {
  /** @param stream may be another one than the client's @param waitedMs how long the call was judged, in milliseconds */
  readonly pass: (admission: Admission, stream: EngineStream, waitedMs: number) => void;
  /** @param headers of the answer, beside the status @param identity of whoever was denied it; undefined when that is not known */
  readonly refuse: (
    error: ServiceError,
    headers: HeaderPairs,
    identity: CallIdentity | undefined,
  ) => void;
}

/** Who judges a call, where somebody does. */
type Judge = Guard | Exclude<CallSecurity, SecuritySettings>;

const nothing: ReadonlySet<string> = new Set();

/** How long a guard that has been replaced goes on for calls that it is judging, in milliseconds. */
const lingerMs = 60_000;

/** Holds a guard for every SecurityPolicy, and lets it judge calls. */
export class Gatekeeper {
  private guards = new Map<SecurityPolicyDocument, Guard>();
  /** Those of before, with the timers that end them. */
  private readonly lingering = new Map<Guard, NodeJS.Timeout>();
  private readonly keySets: KeySets;
  /** A connection's certificate does not change. */
  private readonly names = new WeakMap<Socket, { readonly names: readonly string[] | undefined }>();

  constructor(private readonly settings: GatekeeperSettings) {
    const { logger, observer, nowMs } = settings;
    this.keySets = new KeySets({ logger, observer, nowMs });
  }

  /** Takes over the policies that hold from now on; those that have not changed keep what they know. */
  follow(table: SecurityTable | undefined): void {
    const before = this.guards;
    this.guards = new Map();
    for (const settings of table?.settings ?? []) {
      const { document } = settings;
      this.guards.set(document, before.get(document) ?? this.createGuard(settings));
    }
    for (const [document, guard] of before) if (!this.guards.has(document)) this.linger(guard);
  }

  stop(): void {
    for (const guard of [...this.guards.values(), ...this.lingering.keys()]) this.dismiss(guard);
    this.guards.clear();
  }

  /** What of a policy is not there now. */
  faultsOf(document: SecurityPolicyDocument): readonly Fault[] {
    return this.guards.get(document)?.faults() ?? [];
  }

  /** Policies of which something is not there now. */
  get unloadedCount(): number {
    return [...this.guards.values()].filter((guard) => guard.faults().length > 0).length;
  }

  /** Judges a call, and says `pass` or `refuse`, now or later. */
  admit(
    stream: EngineStream,
    table: SecurityTable,
    security: CallSecurity,
    call: CallStart,
    outcomes: Outcomes,
  ): void {
    const guard = this.guardOf(security);
    const judgement = this.judge(table, guard, call);
    if (judgement instanceof Promise) return this.wait(stream, judgement, guard, outcomes);
    if ('error' in judgement) return this.refuse(guard, judgement, outcomes);
    this.countPassed(guard, judgement);
    outcomes.pass(judgement, stream, 0);
  }

  /** The same for what is no call, such as the description of all services. */
  async admitExchange(
    table: SecurityTable,
    security: CallSecurity,
    call: CallStart,
    outcomes: {
      readonly pass: (admission: Admission) => void;
      readonly refuse: Outcomes['refuse'];
    },
  ): Promise<void> {
    const guard = this.guardOf(security);
    const judgement = await this.judge(table, guard, call);
    if ('error' in judgement) return this.refuse(guard, judgement, outcomes);
    this.countPassed(guard, judgement);
    outcomes.pass(judgement);
  }

  /** What a policy would say; undefined when it has just gone. */
  async explain(
    settings: SecuritySettings,
    call: CallFacts,
  ): Promise<GuardExplanation | undefined> {
    return await this.guards.get(settings.document)?.explain(call);
  }

  private judge(
    table: SecurityTable,
    guard: Judge,
    call: CallStart,
  ): Judgement | Promise<Judgement> {
    const told = table.toldHeaders;
    if (guard === 'none') {
      const { headers: given } = call;
      const headers = told.size === 0 ? given : identified(given, told, nothing, []);
      return { headers, identity: undefined, failedOpen: false };
    }
    if (guard === 'host-not-covered')
      return { error: hostNotCovered(call.host), identity: undefined };
    const { path, headers, clientAddress, timeoutMs, socket } = call;
    const certificateNames = (): readonly string[] | undefined => socket && this.namesOf(socket);
    return guard.judge({ path, headers, clientAddress, timeoutMs, certificateNames }, told);
  }

  private wait(
    stream: EngineStream,
    judgement: Promise<Judgement>,
    guard: Judge,
    outcomes: Outcomes,
  ): void {
    const { memory, openCalls, nowMs } = this.settings;
    const beganMs = nowMs();
    let identity: CallIdentity | undefined;
    const refuse = (error: ServiceError): void => this.refuse(guard, { error, identity }, outcomes);
    const pending = new PendingCall(stream, { memory, openCalls }, refuse);
    const settle = (judged: Judgement): void => {
      if ('error' in judged) {
        ({ identity } = judged);
        return pending.stop(judged.error);
      }
      pending.pass((taken) => {
        this.countPassed(guard, judged);
        outcomes.pass(judged, taken, nowMs() - beganMs);
      });
    };
    judgement.then(settle, (error: unknown) => pending.stop(ServiceError.from(error)));
  }

  private refuse(
    guard: Judge,
    { error, identity }: Denial,
    { refuse }: Pick<Outcomes, 'refuse'>,
  ): void {
    const isGuard = guard instanceof Guard;
    this.settings.observer.onJudged(isGuard ? guard.settings.id : '', error.reason.toLowerCase());
    refuse(error, isGuard ? guard.challengeOf(error) : [], identity);
  }

  private countPassed(guard: Judge, { failedOpen }: Admission): void {
    if (guard instanceof Guard)
      this.settings.observer.onJudged(guard.settings.id, failedOpen ? 'failed_open' : 'allowed');
  }

  private guardOf(security: CallSecurity): Judge {
    if (typeof security === 'string') return security;
    const known = this.guards.get(security.document);
    if (known !== undefined) return known;
    const made = this.createGuard(security);
    this.guards.set(security.document, made);
    return made;
  }

  private createGuard(settings: SecuritySettings): Guard {
    const { logger, wallMs, asksCertificates, authorizer } = this.settings;
    const issuers = (settings.jwt?.issuers ?? []).map((issuer) => ({
      settings: issuer,
      keys: this.keySets.acquire(issuer.keys),
    }));
    return new Guard(settings, {
      ...{ issuers, authorizer: authorizer(settings), asksCertificates, logger, wallMs },
    });
  }

  private linger(guard: Guard): void {
    const timer = setTimeout(() => this.dismiss(guard), lingerMs);
    timer.unref();
    this.lingering.set(guard, timer);
  }

  private dismiss(guard: Guard): void {
    clearTimeout(this.lingering.get(guard));
    this.lingering.delete(guard);
    guard.close();
    for (const { keys } of guard.settings.jwt?.issuers ?? []) this.keySets.release(keys);
  }

  private namesOf(socket: Socket): readonly string[] | undefined {
    let known = this.names.get(socket);
    if (known === undefined) {
      known = { names: peerIdentity(socket)?.names };
      this.names.set(socket, known);
    }
    return known.names;
  }
}
