import type { PeerIdentity } from '@raftway/tls';
import { DecodeError } from '../state-machine/binary-reader';
import type { ServerId } from '../core';
import { decodeSnapshotFile } from '../storage/snapshot-file';
import { type Admission, AdmissionRefused, type Hello } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';
import { decodeMessages } from './message-codec';
import type { Frame, PeerCall } from './peer-call';
import type { Lane } from './peer-stream';
import type { TransportHandler } from './transport';

/** The statuses of gRPC that a peer is answered with. */
const GrpcStatus = { INVALID_ARGUMENT: 3, FAILED_PRECONDITION: 9, INTERNAL: 13 } as const;

const REFUSED_LOG_INTERVAL_MS = 30_000;
/** Reasons that are remembered. */
const REFUSALS_MAX = 64;

/** What a stream does with its frames once it is admitted. */
interface Receiver {
  onFrame(frame: Frame): void;
  /** No more frames will come. */
  onEnd(): Promise<void>;
  /** The stream is over, however it ended. */
  onClosed(): void;
}

/** The receiving side of all links. */
export class PeerService {
  /** The stream on which a peer sends its snapshot. */
  private readonly installing = new Map<ServerId, PeerCall>();
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
          if (frame !== undefined) receiver.onFrame(frame);
        } catch (error) {
          finish(error);
        }
      },
      onEnd: () => {
        Promise.resolve(receiver?.onEnd()).then(() => finish(), finish);
      },
      onFault: finish,
      onClosed: () => {
        receiver?.onClosed();
        finish(new DecodeError('the caller went away'));
      },
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
      onClosed: () => undefined,
    };
  }

  private snapshotReceiver(from: ServerId, call: PeerCall): Receiver {
    if (this.installing.has(from)) {
      throw new DecodeError(`server ${from} is already sending a snapshot`);
    }
    this.installing.set(from, call);
    // The close of a stream may come after the next one has begun.
    const done = (): void => {
      if (this.installing.get(from) === call) this.installing.delete(from);
    };
    let file: Buffer | undefined;
    let received = 0;
    let term = 0;
    return {
      onFrame: (frame) => {
        if (frame.$case !== 'chunk') throw new DecodeError(`a ${frame.$case} is out of place`);
        const { totalBytes, offset, data } = frame.value;
        if (totalBytes > BigInt(this.options.limits.snapshotBytesMax)) {
          throw new DecodeError(`a snapshot of ${totalBytes} bytes is above the limit`);
        }
        file ??= Buffer.allocUnsafe(Number(totalBytes));
        if (Number(offset) !== received || received + data.length > file.length) {
          throw new DecodeError(`a snapshot chunk at ${offset} came where ${received} is due`);
        }
        file.set(data, received);
        received += data.length;
        term = Number(frame.value.term);
      },
      onEnd: async () => {
        try {
          if (file === undefined || received !== file.length) {
            throw new DecodeError(`the snapshot ended after ${received} bytes`);
          }
          const { snapshot, data } = decodeSnapshotFile(file);
          await this.handler.onSnapshot(from, term, snapshot, data);
        } finally {
          done();
        }
      },
      onClosed: done,
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

  private describe(error: unknown): { code: number; details: string } {
    const { logger } = this.options;
    if (error instanceof AdmissionRefused) {
      if (this.isNews(error.message)) logger.warn('refused a peer', { reason: error.message });
      return { code: GrpcStatus.FAILED_PRECONDITION, details: error.message };
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
