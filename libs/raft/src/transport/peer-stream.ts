import { raft as contracts } from '@raftway/contracts';
import {
  afterReactions,
  type ClientConnection,
  type Connector,
  type EngineStream,
  FlushScheduler,
  frameMessage,
  FrameClientEngine,
  type HeaderPairs,
  headerValue,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { tlsConnector } from '@raftway/tls';
import type { ServerId } from '../core';
import { type Admission, AdmissionRefused, HELLO_FORMAT_VERSION } from './admission';
import type { ResolvedGrpcTransportOptions, TransportLimits } from './grpc-transport-options';
import { MESSAGE_FORMAT, MESSAGE_FORMAT_OLDEST } from './message-codec';

/** The three one-way streams of a link. */
export type Lane = 'control' | 'append' | 'snapshot';

/** Their methods of RaftPeerService. */
export const lanePaths: Readonly<Record<Lane, string>> = {
  control: contracts.RaftPeerServiceService.control.path,
  append: contracts.RaftPeerServiceService.append.path,
  snapshot: contracts.RaftPeerServiceService.snapshot.path,
};

/** With this header a receiver says that the hello was accepted, and who it is. */
export const INCARNATION_HEADER = 'raftway-incarnation';
/** And with this one, what formats of messages it understands; without it only the oldest. */
export const MESSAGES_HEADER = 'raftway-messages';
/** gRPC's FAILED_PRECONDITION: what a receiver answers that will not talk to us. */
const FAILED_PRECONDITION = '9';

const requestHeaders = (scheme: string, address: string, lane: Lane): HeaderPairs => [
  ...[':method', 'POST', ':scheme', scheme, ':path', lanePaths[lane]],
  ...[':authority', address, 'te', 'trailers', 'content-type', 'application/grpc'],
];

/** Why a stream is over. */
export interface StreamEnd {
  /** True when the other side, or we, will not talk to each other until a person changes something. */
  readonly refused: boolean;
  readonly reason: string;
  /** True when the peer's machine is there and says that no process listens at the address. @default false */
  readonly nobodyListens?: boolean;
}

/** What is sent leaves when the driver's turn is over: all messages to one peer in one piece. */
export const peerScheduler = new FlushScheduler(afterReactions());

function engineFor(limits: TransportLimits, connector?: Connector): FrameClientEngine {
  return new FrameClientEngine(
    {
      connectTimeoutMs: limits.openTimeoutMs,
      connectionStreamsMax: 1,
      headerListBytesMax: 16 * 1024,
      headerCountMax: 100,
      // A receiver answers with headers and trailers alone.
      streamBufferBytesMax: 64 * 1024,
      connectionMemoryBytesMax: 8 * limits.frameBytesMax,
      keepaliveMs: limits.keepaliveIntervalMs,
      keepaliveTimeoutMs: limits.keepaliveTimeoutMs,
    },
    peerScheduler,
    undefined,
    connector,
  );
}

/**
 * One attempt at one stream to a peer: its own connection, the hello, and frames after it was accepted. Over once, over for good; whoever
 * owns it makes the next attempt. A connection for each lane keeps bulk out of the heartbeats' socket buffer, and a fresh one for each
 * attempt means that our backoff is the only one.
 */
export class PeerStream implements StreamListener {
  private readonly connection: ClientConnection;
  private readonly openTimer: NodeJS.Timeout;
  private stream: EngineStream | undefined;
  private receivesFormat = MESSAGE_FORMAT_OLDEST;
  private over = false;
  private admitted = false;
  private unsentBytes = 0;
  /** Who waits for which bytes to leave, in order. */
  private readonly written: { readonly bytes: number; readonly done: (() => void) | undefined }[] =
    [];

  /**
   * @param onOpen the hello was accepted.
   * @param onEnd the stream is over; called once, also before onOpen.
   * @param onComplete the receiver has finished and is content; for streams that end.
   */
  constructor(
    private readonly options: ResolvedGrpcTransportOptions,
    private readonly admission: Admission,
    private readonly peer: ServerId,
    address: string,
    lane: Lane,
    private readonly callbacks: {
      readonly onOpen: () => void;
      readonly onEnd: (end: StreamEnd) => void;
      readonly onComplete?: () => void;
    },
  ) {
    const { limits, tls } = options;
    let refused = false;
    const distrust = (): void => void (refused = true);
    const connector = tls === undefined ? undefined : tlsConnector(tls, distrust);
    const scheme = tls === undefined ? 'http' : 'https';
    this.openTimer = setTimeout(
      () => this.end({ refused: false, reason: 'the peer did not answer the hello' }),
      limits.openTimeoutMs,
    );
    this.connection = engineFor(limits, connector).connect(address, {
      onReady: () => {
        if (this.over) return;
        this.stream = this.connection.open(requestHeaders(scheme, address, lane), false, this);
        this.writeFrame({ $case: 'hello', value: this.hello() });
      },
      onCapacity: () => undefined,
      onDraining: () => undefined,
      onClosed: (detail, wasReady) => {
        const nobodyListens = !wasReady && detail === 'ECONNREFUSED';
        this.end({ refused, reason: detail, nobodyListens });
      },
    });
  }

  /** The newest format of messages that both sides understand; known when the stream is open. */
  get messageFormat(): number {
    return this.receivesFormat;
  }

  /**
   * Writes one frame.
   *
   * @param onWritten the frame has left for the socket: the next one may be written.
   */
  writeFrame(frame: NonNullable<contracts.PeerFrame['frame']>, onWritten?: () => void): void {
    if (this.over) return;
    const bytes = frameMessage(contracts.PeerFrame.encode({ frame }).finish());
    this.written.push({ bytes: bytes.length, done: onWritten });
    this.stream?.sendData(bytes);
  }

  /** No more frames will come: the receiver may finish. */
  finish(): void {
    if (!this.over) this.stream?.sendEnd();
  }

  /** Gives the stream up; reports nothing. */
  close(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.openTimer);
    this.connection.destroy();
  }

  // ---- from the connection ----

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (endOfStream) this.finished(headers);
    else void this.greet(headers);
  }

  /** The one message of the answer is empty. */
  onData(chunk: Uint8Array): void {
    this.stream?.release(chunk.length);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.finished(trailers ?? []);
  }

  onSent(bytes: number): void {
    this.unsentBytes += bytes;
    for (let next = this.written[0]; next !== undefined; next = this.written[0]) {
      if (next.bytes > this.unsentBytes || this.over) return;
      this.unsentBytes -= next.bytes;
      this.written.shift();
      next.done?.();
    }
  }

  onReset(reset: StreamReset): void {
    this.end({ refused: false, reason: reset.detail });
  }

  onClosed(): void {
    this.end({ refused: false, reason: 'closed' });
  }

  private hello(): contracts.PeerHello {
    const { clusterId, id, incarnationId, members } = this.options;
    return {
      formatVersion: HELLO_FORMAT_VERSION,
      clusterId,
      from: BigInt(id),
      to: BigInt(this.peer),
      incarnationId,
      address: members.find((member) => member.id === id)?.address ?? '',
    };
  }

  private async greet(headers: HeaderPairs): Promise<void> {
    const incarnationId = headerValue(headers, INCARNATION_HEADER);
    // Headers without it come with a refusal; its status follows.
    if (incarnationId === undefined || this.over || this.admitted) return;
    try {
      await this.admission.meet(this.peer, incarnationId);
    } catch (error) {
      const refused = error instanceof AdmissionRefused;
      this.end({ refused, reason: (error as Error).message });
      return;
    }
    if (this.over) return;
    this.admitted = true;
    const format = Number(headerValue(headers, MESSAGES_HEADER) ?? MESSAGE_FORMAT_OLDEST);
    if (format > MESSAGE_FORMAT_OLDEST) this.receivesFormat = Math.min(format, MESSAGE_FORMAT);
    clearTimeout(this.openTimer);
    this.callbacks.onOpen();
  }

  private finished(trailers: HeaderPairs): void {
    const status = headerValue(trailers, 'grpc-status');
    if (status === '0') {
      if (!this.over) this.callbacks.onComplete?.();
      this.end({ refused: false, reason: 'the peer closed the stream' });
      return;
    }
    const message = headerValue(trailers, 'grpc-message');
    const reason = message === undefined ? `the peer answered ${status}` : percentDecode(message);
    this.end({ refused: status === FAILED_PRECONDITION, reason });
  }

  private end(end: StreamEnd): void {
    if (this.over) return;
    this.close();
    this.callbacks.onEnd(end);
  }
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
