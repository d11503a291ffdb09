/*
 * What a running replica says of itself: figures to the observer, and one line an event to the tracers that are on (docs/reference/traces.md). Nothing here
 * decides anything, and with nobody listening it costs a comparison a turn.
 */
import type { LogIndex, Message, Persist, RaftEvent, Ready } from '../core';
import type { RaftError } from '../errors';
import type { ProposalSpan, RaftLogger, RaftObserver, RaftTracer } from '../observer';
import { tracerOf } from '../observer';
import { describeMessage, tracerNameOf } from './describe-message';
import type { ResolvedRaftNodeOptions } from './options';
import { AppendSpans } from './append-spans';
import { ForwardedSpans } from './forwarded-spans';

/** Batches whose commit is waited for; what a leader may hold uncommitted bounds them, too. */
const UNCOMMITTED_BATCHES_MAX = 4096;

/** A batch that this leader appended. */
interface AppendedBatch {
  readonly lastIndex: LogIndex;
  readonly atMs: number;
}

type Tracers = Readonly<Record<ReturnType<typeof tracerNameOf> | 'raft.storage', RaftTracer>>;

/** See the head of this file. */
export class Telemetry {
  private readonly logger: RaftLogger;
  private readonly observer: RaftObserver;
  private readonly tracers: Tracers;
  private readonly tracesMessages: boolean;
  private readonly appendSpans: AppendSpans;
  private readonly forwardedSpans: ForwardedSpans;
  private appended: AppendedBatch[] = [];

  constructor(options: Pick<ResolvedRaftNodeOptions<unknown>, 'logger' | 'observer' | 'tracing'>) {
    const { logger, observer } = options;
    this.logger = logger;
    this.observer = observer;
    this.appendSpans = new AppendSpans(options.tracing);
    this.forwardedSpans = new ForwardedSpans(options.tracing);
    this.tracers = {
      'raft.election': tracerOf(logger, 'raft.election'),
      'raft.heartbeat': tracerOf(logger, 'raft.heartbeat'),
      'raft.replication': tracerOf(logger, 'raft.replication'),
      'raft.proposal': tracerOf(logger, 'raft.proposal'),
      'raft.read': tracerOf(logger, 'raft.read'),
      'raft.snapshot': tracerOf(logger, 'raft.snapshot'),
      'raft.storage': tracerOf(logger, 'raft.storage'),
    };
    this.tracesMessages = Object.values(this.tracers).some(({ debugEnabled }) => debugEnabled);
  }

  received(messages: readonly Message[]): void {
    if (!this.tracesMessages) return;
    for (const message of messages) this.trace('message received', message);
  }

  sent(messages: readonly Message[]): void {
    if (!this.tracesMessages) return;
    for (const message of messages) this.trace('message sent', message);
  }

  /** @param leads this replica is the leader now. */
  ready(ready: Ready, leads: boolean, nowMs: number): void {
    for (const event of ready.events) this.event(event);
    this.commitTimes(ready, leads, nowMs);
  }

  durable(persist: Persist, durationMs: number): void {
    const entries = persist.entries.length;
    this.observer.onPersisted?.({ entries, durationMs });
    this.appendSpans.durable(persist.number, durationMs);
    const tracer = this.tracers['raft.storage'];
    if (!tracer.debugEnabled) return;
    const { hardState, number } = persist;
    const lastIndex = persist.entries.at(-1)?.index;
    tracer.debug('batch durable', { number, entries, lastIndex, hardState, durationMs });
  }

  /** These recorded proposals of this replica got their places, and on a leader perhaps some that others passed on. */
  placed(ready: Ready, proposals: readonly ProposalSpan[], leads: boolean): void {
    if (!leads) return this.forwardedSpans.lost();
    const forwarded = this.forwardedSpans.begin(ready.forwarded);
    const all = forwarded.length === 0 ? proposals : proposals.concat(forwarded);
    if (all.length > 0) this.appendSpans.begin(ready, all);
    const committed = ready.apply.at(-1);
    if (committed !== undefined) this.forwardedSpans.committed(committed.index);
  }

  stop(): void {
    this.forwardedSpans.lost();
  }

  applied(entries: number, durationMs: number): void {
    this.observer.onApplied?.({ entries, durationMs });
  }

  /** How much is waiting. */
  queues(
    proposals: { readonly count: number; readonly byteCount: number },
    reads: { readonly count: number },
    { waitingEntries: unappliedEntries }: { readonly waitingEntries: number },
    { unpersistedEntries }: { readonly unpersistedEntries: number },
  ): void {
    this.observer.onQueues?.({
      pendingProposals: proposals.count,
      pendingProposalBytes: proposals.byteCount,
      pendingReads: reads.count,
      unappliedEntries,
      unpersistedEntries,
    });
  }

  proposalSettled(startedMs: number, error: RaftError | undefined): void {
    if (error === undefined) this.observer.onProposalApplied?.(performance.now() - startedMs);
    else this.observer.onProposalFailed?.(error);
  }

  readSettled(startedMs: number, error: RaftError | undefined): void {
    if (error === undefined) this.observer.onReadBarrier?.(performance.now() - startedMs);
  }

  private event(event: RaftEvent): void {
    const { type, ...fields } = event;
    const tracer = this.tracers['raft.election'];
    if (type === 'campaign') {
      this.observer.onCampaign?.({ cause: event.cause, preVote: event.preVote, term: event.term });
      tracer.debug(event.preVote ? 'pre-vote asked' : 'election started', fields);
    } else if (type === 'handOver') {
      this.logger.info('hands leadership over to a replica of higher priority', fields);
    } else {
      this.observer.onLeadershipLost?.({ cause: event.cause, term: event.term });
      tracer.debug('leadership lost', fields);
    }
  }

  private commitTimes({ persist, apply }: Ready, leads: boolean, nowMs: number): void {
    if (this.observer.onCommitted === undefined) return;
    if (!leads) {
      if (this.appended.length > 0) this.appended = [];
      return;
    }
    const last = persist?.entries.at(-1);
    if (last !== undefined && this.appended.length < UNCOMMITTED_BATCHES_MAX) {
      this.appended.push({ lastIndex: last.index, atMs: nowMs });
    }
    const commitIndex = apply.at(-1)?.index ?? 0;
    let committed = 0;
    for (const { lastIndex, atMs } of this.appended) {
      if (lastIndex > commitIndex) break;
      this.observer.onCommitted(nowMs - atMs);
      committed += 1;
    }
    if (committed > 0) this.appended.splice(0, committed);
  }

  private trace(text: string, message: Message): void {
    const tracer = this.tracers[tracerNameOf(message)];
    if (tracer.debugEnabled) tracer.debug(text, describeMessage(message));
  }
}
