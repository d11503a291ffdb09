import type { raft as contracts } from '@raftway/contracts';
import type { ServerId } from '../core';
import type { Admission } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';
import { PeerStream } from './peer-stream';
import { SnapshotRefused, type SnapshotTransfer, TransferInterrupted } from './snapshot-transfer';

/**
 * One attempt to bring a peer what it lacks of a snapshot: a stream of its own with an offer, and chunks as far as the window allows, each when the one before has
 * left. Resolves when the peer has installed it.
 *
 * The time limit is on progress and not on the whole: a slow link that moves is never given up and started over (hashicorp/raft #212).
 *
 * @param signal gives the transfer up.
 * @throws TransferInterrupted, SnapshotRefused, or what reading a chunk throws.
 */
export function sendSnapshotTo(
  options: ResolvedGrpcTransportOptions,
  admission: Admission,
  peer: ServerId,
  address: string,
  transfer: SnapshotTransfer,
  signal: AbortSignal,
): Promise<void> {
  // An aborted signal tells nobody who comes later.
  if (signal.aborted) return Promise.reject(givenUp());
  return new Promise((resolve, reject) => {
    new Attempt(options, admission, peer, address, transfer, signal, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

class Attempt {
  private readonly stream: PeerStream;
  private readonly idle: NodeJS.Timeout;
  private readonly pace: Pace;
  private isOver = false;
  private hasBegun = false;
  private isPumping = false;

  constructor(
    options: ResolvedGrpcTransportOptions,
    admission: Admission,
    peer: ServerId,
    address: string,
    private readonly transfer: SnapshotTransfer,
    private readonly signal: AbortSignal,
    private readonly onSettled: (error?: Error) => void,
  ) {
    const { snapshotIdleTimeoutMs, snapshotBytesPerSecond } = options.limits;
    this.pace = new Pace(snapshotBytesPerSecond);
    this.idle = setTimeout(
      () => this.settle(new TransferInterrupted('the snapshot transfer makes no progress')),
      snapshotIdleTimeoutMs,
    );
    this.stream = new PeerStream(options, admission, peer, address, 'snapshot', {
      onOpen: () => this.offer(),
      onReply: (reply) => this.replied(reply),
      onEnd: ({ refused, reason }) =>
        this.settle(refused ? new SnapshotRefused(reason) : new TransferInterrupted(reason)),
      onComplete: () => {
        const early = new TransferInterrupted('the peer ended the transfer early');
        this.settle(transfer.isComplete ? undefined : early);
      },
    });
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  private readonly onAbort = (): void => this.settle(givenUp());

  private offer(): void {
    const { stream, transfer } = this;
    if (!stream.understandsChunks) {
      const reason = 'the peer’s version does not take snapshots in chunks: update it';
      return this.settle(new SnapshotRefused(reason));
    }
    const offer = transfer.offer();
    const header = Buffer.from(offer.header);
    stream.writeFrame({ $case: 'offer', value: { term: BigInt(offer.term), header } });
  }

  private replied({ nextChunk }: contracts.SnapshotProgress): void {
    const { transfer } = this;
    if (!this.hasBegun) {
      this.hasBegun = true;
      transfer.begin(nextChunk);
    } else if (!transfer.acknowledge(nextChunk)) return;
    this.idle.refresh();
    if (transfer.isComplete) this.stream.finish();
    else this.pump().catch((error: unknown) => this.settle(error as Error));
  }

  /** Reads and writes chunks as far as the window allows. One at a time. */
  private async pump(): Promise<void> {
    if (this.isPumping) return;
    this.isPumping = true;
    try {
      for (;;) {
        const chunk = this.isOver ? undefined : await this.transfer.next();
        if (chunk === undefined || this.isOver) return;
        const { term, id, number, checksum, data } = chunk;
        const value: contracts.SnapshotChunk = {
          term: BigInt(term),
          lastIncludedIndex: BigInt(id.lastIncludedIndex),
          lastIncludedTerm: BigInt(id.lastIncludedTerm),
          headerChecksum: id.checksum,
          number,
          checksum,
          data: data as Buffer,
        };
        await new Promise<void>((left) => this.stream.writeFrame({ $case: 'chunk', value }, left));
        await this.pace.spent(data.length);
      }
    } finally {
      this.isPumping = false;
    }
  }

  private settle(error?: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.idle);
    this.signal.removeEventListener('abort', this.onAbort);
    this.stream.close();
    this.onSettled(error);
  }
}

/** Keeps to so many bytes a second on average. */
class Pace {
  private dueMs = performance.now();

  constructor(private readonly bytesPerSecond: number) {}

  /** Resolves when the next bytes may go. */
  async spent(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.dueMs = Math.max(this.dueMs, nowMs) + (1000 * bytes) / this.bytesPerSecond;
    const waitMs = this.dueMs - nowMs;
    if (waitMs >= 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

function givenUp(): Error {
  return new Error('the snapshot transfer was given up');
}
