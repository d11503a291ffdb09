import type { PeerIdentity } from '@raftway/tls';
import { DecodeError } from '../state-machine/binary-reader';
import type { ServerId } from '../core';
import { StorageError } from '../errors';
import { type Admission, AdmissionRefused, type Hello } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';
import { decodeMessages } from './message-codec';
import type { Frame, PeerCall } from './peer-call';
import type { Lane } from './peer-stream';
import { SnapshotRefused } from './snapshot-transfer';
import type { TransportHandler } from './transport';

/** The statuses of gRPC that a peer is answered with. */
const GrpcStatus = {
  INVALID_ARGUMENT: 3,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
} as const;

const UNKNOWN_FRAME =
  'a frame that this version does not know: update both servers to one version to send snapshots';

const REFUSED_LOG_INTERVAL_MS = 30_000;
/** Reasons that are remembered. */
const REFUSALS_MAX = 64;

/** What a stream does with its frames once it is admitted. */
interface Receiver {
  /** @param fail ends the stream later than at once. */
  onFrame(frame: Frame, fail: (error: unknown) => void): void;
  /** No more frames will come. */
  onEnd(): Promise<void>;
}

/** The receiving side of all links. */
export class PeerService {
  /** When each reason was last logged. */
  private readonly refusals = new Map<string, number>();

  /**
   * @param onHello a peer was admitted.
   */
  constructor(
    private readonly options: ResolvedGrpcTransportOptions,
    private readonly admission: Admission,
    private readonly handler: TransportHandler,
    private readonly onHello: (from: ServerId, address: string) => void,
  ) {}

  /**
   * Waits for the hello, checks it, then hands frames to a receiver. Answers once, whatever happens.
   *
   * @param identity what the caller has proved by TLS.
   */
  open(lane: Lane, call: PeerCall, identity?: PeerIdentity): void {
    const receiverFor = (from: ServerId): Receiver =>
      lane === 'snapshot' ? this.snapshotReceiver(from, call) : this.messageReceiver(from);
    let receiver: Receiver | undefined;
    let answered = false;
    const finish = (error?: unknown): void => {
      if (answered) return;
      answered = true;
      clearTimeout(helloTimer);
      call.answer(error === undefined ? undefined : this.describe(error));
    };
    const helloTimer = setTimeout(
      () => finish(new DecodeError('no hello came')),
      this.options.limits.openTimeoutMs,
    );
    const greet = async (frame: Frame | undefined): Promise<void> => {
      call.pause();
      const hello = helloOf(frame);
      await this.admission.admit(hello, identity);
      if (answered) return;
      clearTimeout(helloTimer);
      receiver = receiverFor(hello.from);
      call.admit(this.options.incarnationId);
      this.onHello(hello.from, hello.address);
      call.resume();
    };
    call.setListener({
      onFrame: (frame) => {
        if (answered) return;
        if (receiver === undefined) {
          greet(frame).catch(finish);
          return;
        }
        try {
          if (frame !== undefined) receiver.onFrame(frame, finish);
          else if (lane === 'snapshot') throw new DecodeError(UNKNOWN_FRAME);
        } catch (error) {
          finish(error);
        }
      },
      onEnd: () => {
        Promise.resolve(receiver?.onEnd()).then(() => finish(), finish);
      },
      onFault: finish,
      onClosed: () => finish(new DecodeError('the caller went away')),
    });
  }

  private messageReceiver(from: ServerId): Receiver {
    return {
      onFrame: (frame) => {
        if (frame.$case !== 'messages') throw new DecodeError(`a ${frame.$case} is out of place`);
        const messages = decodeMessages(frame.value);
        for (const message of messages) {
          if (message.from !== from || message.to !== this.options.id) {
            throw new DecodeError(
              `server ${from} sent a message from ${message.from} to ${message.to}`,
            );
          }
        }
        this.handler.onMessages(messages);
      },
      onEnd: () => Promise.resolve(),
    };
  }

  /** One frame at a time: what comes meanwhile waits in the stream's window, and so with the sender. */
  private snapshotReceiver(from: ServerId, call: PeerCall): Receiver {
    let underway = Promise.resolve();
    const take = async (frame: Frame): Promise<void> => {
      call.reply({ nextChunk: await this.takeSnapshotFrame(from, frame) });
      call.resume();
    };
    return {
      onFrame: (frame, fail) => {
        call.pause();
        underway = take(frame).catch(fail);
      },
      onEnd: () => underway,
    };
  }

  /** A peer that is refused comes again every second, and has nothing new to say. */
  private isNews(reason: string): boolean {
    const nowMs = performance.now();
    if (nowMs - (this.refusals.get(reason) ?? -Infinity) < REFUSED_LOG_INTERVAL_MS) return false;
    if (this.refusals.size >= REFUSALS_MAX) this.refusals.clear();
    this.refusals.set(reason, nowMs);
    return true;
  }

  private takeSnapshotFrame(from: ServerId, frame: Frame): Promise<number> {
    if (frame.$case === 'offer') {
      const { term, header } = frame.value;
      return this.handler.onSnapshotOffer(from, { term: Number(term), header });
    }
    if (frame.$case !== 'chunk') throw new DecodeError(`a ${frame.$case} is out of place`);
    const { term, lastIncludedIndex, lastIncludedTerm, headerChecksum, ...chunk } = frame.value;
    return this.handler.onSnapshotChunk(from, {
      term: Number(term),
      id: {
        lastIncludedIndex: Number(lastIncludedIndex),
        lastIncludedTerm: Number(lastIncludedTerm),
        checksum: headerChecksum,
      },
      ...chunk,
    });
  }

  private describe(error: unknown): { code: number; details: string } {
    const { logger } = this.options;
    if (error instanceof AdmissionRefused) {
      if (this.isNews(error.message)) logger.warn('refused a peer', { reason: error.message });
      return { code: GrpcStatus.FAILED_PRECONDITION, details: error.message };
    }
    if (error instanceof SnapshotRefused) {
      logger.debug('refused a snapshot', { reason: error.message });
      return { code: GrpcStatus.FAILED_PRECONDITION, details: error.message };
    }
    if (error instanceof StorageError && error.code === 'snapshotFailed') {
      logger.error('receiving a snapshot failed', { error });
      return { code: GrpcStatus.RESOURCE_EXHAUSTED, details: 'the snapshot cannot be written' };
    }
    if (error instanceof DecodeError) {
      logger.debug('closed a peer stream', { reason: error.message });
      return { code: GrpcStatus.INVALID_ARGUMENT, details: error.message };
    }
    logger.warn('a peer stream failed', { error });
    return { code: GrpcStatus.INTERNAL, details: 'internal error' };
  }
}

function helloOf(frame: Frame | undefined): Hello {
  if (frame?.$case !== 'hello') throw new DecodeError('a stream must begin with a hello');
  const { formatVersion, clusterId, from, to, incarnationId, address } = frame.value;
  return { formatVersion, clusterId, from: Number(from), to: Number(to), incarnationId, address };
}
