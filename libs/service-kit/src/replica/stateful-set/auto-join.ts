import { setTimeout as delay } from 'node:timers/promises';
import { raft } from '@raftway/contracts';
import { joinHostPort, splitHostPort } from '@raftway/config';
import type { Logger } from '@raftway/observability';
import type { RaftNode } from '@raftway/raft';
import type { ServiceClient } from '../../client/client-types';
import { joinStep } from './join-step';
import { ordinalOf, type PodAddresses } from './pod-addresses';
import { hasPod, type SetSize } from './set-size';

/** What is asked of another replica's RaftAdminService. */
export type AdminClient = Pick<
  ServiceClient<typeof raft.RaftAdminServiceService>,
  'getStatus' | 'addServer' | 'close'
>;

export interface AutoJoinSettings {
  readonly node: Pick<RaftNode<unknown>, 'id' | 'status'>;
  readonly pods: PodAddresses;
  /** The founding members, by id: see listedPeers. */
  readonly listed: ReadonlyMap<number, string>;
  /** Where pods have their gRPC servers. */
  readonly clientPort: number;
  readonly connect: (address: string) => AdminClient;
  /** How many pods the StatefulSet is to have; undefined where nobody can say. */
  readonly readSize?: ((signal: AbortSignal) => Promise<SetSize>) | undefined;
  readonly logger: Logger;
  readonly onAsked: () => void;
  readonly timing?: Partial<AutoJoinTiming> | undefined;
}

/** In milliseconds. */
export interface AutoJoinTiming {
  /** Between two looks at oneself, and the first wait after an attempt that came to nothing. */
  readonly intervalMs: number;
  /** The longest wait: it doubles each time, with jitter. */
  readonly backoffMaxMs: number;
}

const TIMING: AutoJoinTiming = { intervalMs: 500, backoffMaxMs: 5_000 };
const STATUS_TIMEOUT_MS = 2_000;
/** The leader waits so long with its answer for the new server to catch up; if that takes longer, it becomes a voter by itself. */
const ADD_TIMEOUT_MS = 10_000;
const SAY_AGAIN_MS = 30_000;

/**
 * A pod that finds its way into its group: as long as the group does not know this replica, it asks the leader to add it, through the RPC that operators have, too. That it may be added is
 * no more than that: who it is, it has to prove on each link, as all peers do.
 */
export class AutoJoin {
  private readonly timing: AutoJoinTiming;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private readonly admissions = new Map<number, string | undefined>();
  private wasMember = false;
  private outside = false;
  private leaderSeenMs = performance.now();
  private said: { readonly reason: string; readonly atMs: number } | undefined;

  constructor(private readonly settings: AutoJoinSettings) {
    this.timing = { ...TIMING, ...settings.timing };
  }

  /** What this replica waits for; undefined when it is a member. */
  get waitsFor(): string | undefined {
    return this.said?.reason;
  }

  /** Its leader does not count this replica among the members, whatever its own log says. */
  get isOutside(): boolean {
    return this.outside;
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** A peer lets this replica in, or refuses it: see RaftObserver.onAdmission. */
  onAdmission(peer: number, refusal: string | undefined): void {
    this.admissions.set(peer, refusal);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { intervalMs, backoffMaxMs } = this.timing;
    let attempts = 0;
    while (!signal.aborted) {
      const reason = await this.step().catch((error: unknown) => describe(error));
      if (signal.aborted) return;
      attempts = reason === undefined ? 0 : attempts + 1;
      this.say(reason);
      const backoffMs = Math.min(backoffMaxMs, intervalMs * 2 ** Math.max(0, attempts - 1));
      const waitMs = reason === undefined ? intervalMs : backoffMs * (0.5 + Math.random() / 2);
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns what is waited for; undefined when there is nothing to do. */
  private async step(): Promise<string | undefined> {
    const { node, listed, readSize } = this.settings;
    const { standing, leaderId } = node.status();
    const nowMs = performance.now();
    if (leaderId !== 0) this.leaderSeenMs = nowMs;
    const isMember = standing === 'voter' || standing === 'learner';
    const others = [...listed.keys()].filter((id) => id !== node.id);
    const heard = others.filter((id) => this.admissions.has(id));
    const step = joinStep({
      standing,
      leaderId,
      leaderlessMs: nowMs - this.leaderSeenMs,
      wasMember: this.wasMember,
      followsSet: readSize !== undefined,
      admitted: heard.filter((id) => this.admissions.get(id) === undefined).length,
      listed: others.length,
      refusal: heard.map((id) => this.admissions.get(id)).find((reason) => reason !== undefined),
    });
    if (isMember && leaderId !== 0) this.wasMember = true;
    if (step === 'content') {
      this.outside = false;
      return undefined;
    }
    return step === 'look' ? await this.look() : step.wait;
  }

  private async look(): Promise<string> {
    const { node, pods, readSize } = this.settings;
    const { signal } = this.stopping;
    const leader = await this.findLeader();
    if (leader === undefined) return 'none of the members that it knows can say who leads';
    this.outside = !leader.members.some(({ id }) => Number(id) === node.id);
    if (!this.outside) {
      return 'its leader knows it, and has to reach it';
    }
    if (readSize !== undefined && !hasPod(await readSize(signal), ordinalOf(node.id))) {
      return 'its StatefulSet is not to have this pod';
    }
    const address = pods.of(node.id);
    const { logger, onAsked } = this.settings;
    onAsked();
    logger.info('this replica asks to be added to its group', { address, leader: leader.address });
    await this.withAdmin(leader.address, (admin) =>
      admin.addServer({ id: BigInt(node.id), address }, { timeoutMs: ADD_TIMEOUT_MS, signal }),
    );
    return 'it was added, and has to hear from its leader';
  }

  /** Asks the members that are known, and whom they name. */
  private async findLeader(): Promise<
    { readonly address: string; readonly members: readonly raft.Member[] } | undefined
  > {
    const { node, listed } = this.settings;
    const known = new Map([
      ...listed,
      ...node.status().members.map(({ id, address }) => [id, address] as const),
    ]);
    known.delete(node.id);
    for (const peer of new Set(known.values())) {
      const asked = await this.ask(peer);
      if (asked === undefined || asked.leaderId === 0n) continue;
      const named = asked.members.find(({ id }) => id === asked.leaderId);
      const isLeader = asked.id === asked.leaderId;
      const leader = isLeader || named === undefined ? asked : await this.ask(named.address);
      if (leader?.role !== raft.Role.LEADER) continue;
      const address = isLeader ? peer : (named?.address ?? peer);
      return { address: this.adminAddress(address), members: leader.members };
    }
    return undefined;
  }

  private async ask(peerAddress: string): Promise<raft.GetStatusResponse | undefined> {
    const { signal } = this.stopping;
    try {
      return await this.withAdmin(this.adminAddress(peerAddress), (admin) =>
        admin.getStatus({}, { timeoutMs: STATUS_TIMEOUT_MS, signal }),
      );
    } catch (error) {
      this.settings.logger.debug('a member does not say who leads', { peerAddress, error });
      return undefined;
    }
  }

  private async withAdmin<Value>(
    address: string,
    work: (admin: AdminClient) => Promise<Value>,
  ): Promise<Value> {
    const admin = this.settings.connect(address);
    try {
      return await work(admin);
    } finally {
      admin.close();
    }
  }

  private adminAddress(peerAddress: string): string {
    const host = splitHostPort(peerAddress)?.host ?? peerAddress;
    return joinHostPort({ host, port: this.settings.clientPort });
  }

  private say(reason: string | undefined): void {
    const { logger } = this.settings;
    const nowMs = performance.now();
    if (reason === undefined) {
      if (this.said !== undefined) logger.info('this replica is a member of its group');
      this.said = undefined;
      return;
    }
    const isNew = this.said?.reason !== reason;
    if (!isNew && nowMs - (this.said?.atMs ?? 0) < SAY_AGAIN_MS) return;
    this.said = { reason, atMs: nowMs };
    logger.info('this replica waits to be a member of its group', { waitsFor: reason });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
