import type { Message, ServerId } from '../core';
import type { Admission } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';
import { encodeMessages, estimateMessageBytes } from './message-codec';
import { type Lane, PeerStream, type StreamEnd } from './peer-stream';

/** Two: one on its way into the socket and one behind it. What comes meanwhile shares the next frame. */
const FRAMES_IN_FLIGHT_MAX = 2;
const REFUSED_LOG_INTERVAL_MS = 30_000;

/**
 * Messages to one peer on one lane: connects, reconnects with growing pauses, and keeps a bounded queue meanwhile.
 *
 * - `closed`: not started, or stopped.
 * - `opening`: connecting and saying hello; messages wait.
 * - `open`: messages go out, one frame a turn; when the socket is full they wait, sharing the next frame.
 * - `pausing`: the last attempt failed; messages are dropped, because old ones are worth nothing and Raft sends new ones.
 */
export class MessageLane {
  private state: 'closed' | 'opening' | 'open' | 'pausing' = 'closed';
  private stream: PeerStream | undefined;
  private queue: Message[] = [];
  private queueBytes = 0;
  private framesInFlight = 0;
  private backoffMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private refusedLoggedMs = -Infinity;

  constructor(
    private readonly options: ResolvedGrpcTransportOptions,
    private readonly admission: Admission,
    private readonly peer: ServerId,
    private readonly address: string,
    private readonly lane: Lane,
    private readonly callbacks: {
      readonly onUnreachable: () => void;
      /** Nobody listens at its address. */
      readonly onGone: () => void;
      /** These have not been written to any stream. */
      readonly onNeverSent: (messages: readonly Message[]) => void;
    },
  ) {}

  start(): void {
    if (this.state === 'closed') this.connect();
  }

  /** The peer has just reached us: no point in waiting any longer. */
  hurry(): void {
    this.backoffMs = 0;
    if (this.state === 'pausing') this.connect();
  }

  /** Takes messages, or drops them all when there is no room. */
  send(messages: readonly Message[]): void {
    const { limits } = this.options;
    let bytes = 0;
    for (const message of messages) bytes += estimateMessageBytes(message);
    const room =
      this.queue.length + messages.length <= limits.queueMessagesMax &&
      (this.queue.length === 0 || this.queueBytes + bytes <= limits.queueBytesMax);
    if (!room || this.state === 'pausing' || this.state === 'closed') {
      this.drop(messages);
      this.callbacks.onUnreachable();
      return;
    }
    for (const message of messages) this.queue.push(message);
    this.queueBytes += bytes;
    if (this.state === 'open') this.flush();
  }

  stop(): void {
    this.state = 'closed';
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = undefined;
    this.clearQueue();
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.state = 'opening';
    this.framesInFlight = 0;
    this.stream = new PeerStream(this.options, this.admission, this.peer, this.address, this.lane, {
      onOpen: () => this.opened(),
      onEnd: (end) => this.ended(end),
    });
  }

  private opened(): void {
    this.state = 'open';
    this.backoffMs = 0;
    this.options.observer.onAdmission?.(this.peer, undefined);
    this.options.logger.debug('peer stream open', { peer: this.peer, lane: this.lane });
    this.flush();
  }

  private ended(end: StreamEnd): void {
    if (this.state === 'closed') return;
    const { limits, logger } = this.options;
    const wasOpen = this.state === 'open';
    this.state = 'pausing';
    this.stream = undefined;
    this.framesInFlight = 0;
    this.drop(this.queue);
    this.clearQueue();
    this.backoffMs = end.refused
      ? limits.backoffMsMax
      : Math.min(limits.backoffMsMax, Math.max(limits.backoffMsMin, this.backoffMs * 2));
    const fields = { peer: this.peer, address: this.address, lane: this.lane, reason: end.reason };
    const nowMs = performance.now();
    if (end.refused) this.options.observer.onAdmission?.(this.peer, end.reason);
    if (end.refused && nowMs - this.refusedLoggedMs > REFUSED_LOG_INTERVAL_MS) {
      this.refusedLoggedMs = nowMs;
      logger.error('peer refuses this server', fields);
    } else if (wasOpen) {
      logger.info('peer stream lost', fields);
    }
    // Between half and all of it, so that peers that lost the same server do not come back at the same moment.
    const pauseMs = this.backoffMs * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.connect(), pauseMs);
    this.timer.unref();
    this.callbacks.onUnreachable();
    if (end.nobodyListens === true) this.callbacks.onGone();
  }

  private drop(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.options.observer.onMessagesDropped?.(this.peer, messages.length);
    this.callbacks.onNeverSent(messages);
  }

  private flush(): void {
    while (this.queue.length > 0 && this.framesInFlight < FRAMES_IN_FLIGHT_MAX) {
      const batch = this.takeFrame();
      const format = this.stream?.messageFormat;
      const messages = encodeMessages(batch.messages, batch.bytes, format);
      if (messages.length > this.options.limits.frameBytesMax) {
        this.options.logger.error('a message is too large to be sent', {
          peer: this.peer,
          bytes: messages.length,
        });
        continue;
      }
      this.framesInFlight += 1;
      const stream = this.stream;
      stream?.writeFrame({ $case: 'messages', value: messages }, () => {
        if (this.stream !== stream) return;
        this.framesInFlight -= 1;
        if (this.queue.length > 0) this.flush();
      });
    }
  }

  private takeFrame(): { messages: readonly Message[]; bytes: number } {
    const { frameBytes } = this.options.limits;
    if (this.queueBytes <= frameBytes) {
      const all = { messages: this.queue, bytes: this.queueBytes };
      this.clearQueue();
      return all;
    }
    let count = 0;
    let bytes = 0;
    while (count < this.queue.length && bytes < frameBytes) {
      bytes += estimateMessageBytes(this.queue[count] as Message);
      count += 1;
    }
    this.queueBytes -= bytes;
    return { messages: this.queue.splice(0, count), bytes };
  }

  private clearQueue(): void {
    this.queue = [];
    this.queueBytes = 0;
  }
}
