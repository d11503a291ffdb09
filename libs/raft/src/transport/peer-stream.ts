import {
  type ClientWritableStream,
  Metadata,
  type ServiceError,
  status as GrpcStatus,
} from '@grpc/grpc-js';
import { raft as contracts } from '@raftway/contracts';
import type { ServerId } from '../core';
import { type Admission, AdmissionRefused, HELLO_FORMAT_VERSION } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';

/** The three one-way streams of a link. */
export type Lane = 'control' | 'append' | 'snapshot';

/** With this header a receiver says that the hello was accepted, and who it is. */
export const INCARNATION_HEADER = 'raftway-incarnation';

/** Why a stream is over. */
export interface StreamEnd {
  /** True when the other side, or we, will not talk to each other until a person changes something. */
  readonly refused: boolean;
  readonly reason: string;
}

/**
 * One attempt at one stream to a peer: its own connection, the hello, and frames after it was accepted. Over once, over for good; whoever
 * owns it makes the next attempt. A connection for each lane keeps bulk out of the heartbeats' socket buffer, and a fresh one for each
 * attempt means that our backoff is the only one.
 */
export class PeerStream {
  private readonly client: contracts.RaftPeerServiceClient;
  private readonly call: ClientWritableStream<contracts.PeerFrame>;
  private readonly openTimer: NodeJS.Timeout;
  private over = false;
  private admitted = false;

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
    const { limits } = options;
    this.client = new contracts.RaftPeerServiceClient(address, options.channelCredentials, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.keepalive_time_ms': limits.keepaliveIntervalMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_send_message_length': limits.frameBytesMax,
      'grpc.enable_retries': 0,
      // Its books cost more than what they count here.
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
    });
    this.call = this.client[lane](new Metadata(), (error) => this.finished(error));
    this.call.on('metadata', (metadata: Metadata) => void this.greet(metadata));
    // A refused or broken call also reports through the callback above; without a listener the stream would throw.
    this.call.on('error', () => undefined);
    this.openTimer = setTimeout(
      () => this.end({ refused: false, reason: 'the peer did not answer the hello' }),
      limits.openTimeoutMs,
    );
    this.writeFrame({ $case: 'hello', value: this.hello() });
  }

  /**
   * Writes one frame.
   *
   * @param onWritten the frame has left for the socket: the next one may be written.
   */
  writeFrame(frame: NonNullable<contracts.PeerFrame['frame']>, onWritten?: () => void): void {
    if (this.over) return;
    this.call.write({ frame }, (error?: Error | null) => {
      if (error === undefined || error === null) onWritten?.();
    });
  }

  /** No more frames will come: the receiver may finish. */
  finish(): void {
    if (!this.over) this.call.end();
  }

  /** Gives the stream up; reports nothing. */
  close(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.openTimer);
    this.call.cancel();
    this.client.close();
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

  private async greet(metadata: Metadata): Promise<void> {
    const [incarnationId] = metadata.get(INCARNATION_HEADER);
    // Headers without it come with a refusal; its status follows.
    if (incarnationId === undefined || this.over || this.admitted) return;
    try {
      await this.admission.meet(this.peer, incarnationId.toString());
    } catch (error) {
      const refused = error instanceof AdmissionRefused;
      this.end({ refused, reason: (error as Error).message });
      return;
    }
    if (this.over) return;
    this.admitted = true;
    clearTimeout(this.openTimer);
    this.callbacks.onOpen();
  }

  private finished(error: ServiceError | null): void {
    if (error === null) {
      if (!this.over) this.callbacks.onComplete?.();
      this.end({ refused: false, reason: 'the peer closed the stream' });
      return;
    }
    this.end({ refused: error.code === GrpcStatus.FAILED_PRECONDITION, reason: error.details });
  }

  private end(end: StreamEnd): void {
    if (this.over) return;
    this.close();
    this.callbacks.onEnd(end);
  }
}
