import { SnapshotRefused, SnapshotTransfer } from '@raftway/raft';
import type { SnapshotChunk, SnapshotOffer, SnapshotReader } from '@raftway/raft';
import type { ServerId, Term } from '@raftway/raft/core';
import type { World } from './world';

/** What goes from a snapshot's sender to its receiver. */
export type SnapshotFrame =
  | { readonly type: 'offer'; readonly offer: SnapshotOffer }
  | { readonly type: 'chunk'; readonly chunk: SnapshotChunk };

/** The receiver's answer to a frame: the first chunk that it misses, or that it wants nothing. */
export type SnapshotAnswer = number | 'refused';

/** What the sender of a snapshot needs of its process. */
export interface DeliveryHost {
  readonly id: ServerId;
  readonly world: World;
  /** False once the process has ended. */
  readonly isAlive: () => boolean;
}

/** Without an answer for so long the next attempt begins: for the sender that is a link that broke. */
const ATTEMPT_MS = 60;
/** Without any progress for so long the transfer is given up. */
const GIVE_UP_MS = 500;

/**
 * Brings one snapshot to one server over links that lose, repeat, delay and reorder: as libs/raft/src/node/outgoing-snapshots.ts and the transport below it do it, with
 * their own {@link SnapshotTransfer}.
 */
export class SnapshotDelivery {
  private readonly transfer: SnapshotTransfer;
  private attempt = 0;
  private begunAttempt = 0;
  private answeredAtMs: number;
  private progressAtMs: number;
  private position = 0;
  private isPumping = false;
  private isOver = false;

  /** @param onOver it has ended, in good order or not, or another one takes its place (undefined). Once, unless the process ends before. */
  constructor(
    private readonly host: DeliveryHost,
    private readonly to: ServerId,
    term: Term,
    reader: SnapshotReader,
    private readonly onOver: (delivered: boolean | undefined) => void,
  ) {
    this.transfer = new SnapshotTransfer(term, reader, 3);
    this.answeredAtMs = host.world.queue.nowMs;
    this.progressAtMs = this.answeredAtMs;
  }

  start(): void {
    this.begin();
    this.watch();
  }

  /** Another one takes its place. */
  abandon(): void {
    this.end(undefined);
  }

  private begin(): void {
    this.attempt += 1;
    this.post({ type: 'offer', offer: this.transfer.offer() });
  }

  /** Begins again when nothing comes back. */
  private watch(): void {
    const { queue } = this.host.world;
    queue.after(ATTEMPT_MS / 4, () => {
      if (this.isOver || !this.host.isAlive()) return;
      if (queue.nowMs - this.progressAtMs >= GIVE_UP_MS) return this.end(false);
      if (queue.nowMs - this.answeredAtMs >= ATTEMPT_MS) {
        this.answeredAtMs = queue.nowMs;
        this.begin();
      }
      this.watch();
    });
  }

  private post(frame: SnapshotFrame): void {
    const { id, world } = this.host;
    const { attempt } = this;
    world.network.sendSnapshotFrame(id, this.to, frame, (answer) => {
      if (attempt === this.attempt && !this.isOver && this.host.isAlive()) {
        this.answered(frame, answer);
      }
    });
  }

  private answered(frame: SnapshotFrame, answer: SnapshotAnswer): void {
    const { transfer } = this;
    const { queue, coverage } = this.host.world;
    if (answer === 'refused') return this.end(false);
    if (frame.type === 'offer') {
      // Repeated: this attempt is under way.
      if (this.begunAttempt === this.attempt) return;
      this.begunAttempt = this.attempt;
      const resumedBefore = transfer.resumed;
      transfer.begin(answer);
      coverage.transfersResumed += transfer.resumed - resumedBefore;
    } else transfer.acknowledge(answer);
    this.answeredAtMs = queue.nowMs;
    if (transfer.position > this.position) {
      this.position = transfer.position;
      this.progressAtMs = queue.nowMs;
    }
    if (transfer.isComplete) return this.end(true);
    this.pump().catch(() => this.host.world.guard(() => this.end(false)));
  }

  private async pump(): Promise<void> {
    if (this.isPumping) return;
    this.isPumping = true;
    this.host.world.settled();
    try {
      for (;;) {
        const chunk = await this.transfer.next();
        if (chunk === undefined || this.isOver || !this.host.isAlive()) return;
        this.host.world.coverage.chunksSent += 1;
        this.post({ type: 'chunk', chunk });
      }
    } finally {
      this.isPumping = false;
    }
  }

  private end(delivered: boolean | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onOver(delivered);
  }
}

/** What a receiver that could not take a frame answers; undefined: nothing, the sender begins another attempt. */
export function answerOf(error: unknown): SnapshotAnswer | undefined {
  return error instanceof SnapshotRefused ? 'refused' : undefined;
}
