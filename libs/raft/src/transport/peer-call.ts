import { raft as contracts } from '@raftway/contracts';
import {
  type EngineStream,
  frameMessage,
  type HeaderPairs,
  MessageReader,
  percentEncode,
  type StreamListener,
} from '@raftway/http2';
import { DecodeError } from '../state-machine/binary-reader';
import { SNAPSHOT_FORMAT } from '../storage/snapshot-file';
import { MESSAGE_FORMAT } from './message-codec';
import { INCARNATION_HEADER, MESSAGES_HEADER, SNAPSHOTS_HEADER } from './peer-stream';

/** A frame of RaftPeerService, as it came. */
export type Frame = NonNullable<contracts.PeerFrame['frame']>;

/** What is told of a stream of a peer. */
export interface PeerCallListener {
  onFrame(frame: Frame | undefined): void;
  /** No more frames will come. */
  onEnd(): void;
  /** Something came that is no frame. The stream is still to be answered. */
  onFault(error: DecodeError): void;
  /** The stream is over; its peer may have gone. */
  onClosed(): void;
}

/** A stream that a peer opened, from the receiving side: frames in, and one answer. */
export interface PeerCall {
  setListener(listener: PeerCallListener): void;
  /** Keeps what comes until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Says that the hello was accepted, and who this is. */
  admit(incarnationId: string): void;
  /** Says what has come of a snapshot. */
  reply(progress: contracts.SnapshotProgress): void;
  /** Ends the stream, with an error if there is one. What is still on its way is dropped. */
  answer(error?: { readonly code: number; readonly details: string }): void;
}

const baseHeaders = [':status', '200', 'content-type', 'application/grpc'];

/** {@link PeerCall} on a stream of HTTP/2: gRPC's client streaming, written down (gRPC over HTTP/2). */
export class EnginePeerCall implements PeerCall, StreamListener {
  private readonly reader: MessageReader;
  private listener: PeerCallListener | undefined;
  private paused = false;
  private ended = false;
  private requestsEnded = false;
  private endTold = false;
  private headersSent = false;
  private hasReplied = false;
  private owedBytes = 0;

  /** @param frameBytesMax the largest frame that is accepted. */
  constructor(
    private readonly stream: EngineStream,
    frameBytesMax: number,
  ) {
    this.reader = new MessageReader(
      frameBytesMax,
      (bytes) => new DecodeError(`a frame of ${bytes} bytes is above the limit`),
    );
    stream.setListener(this);
  }

  setListener(listener: PeerCallListener): void {
    this.listener = listener;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.read();
  }

  admit(incarnationId: string): void {
    if (this.ended || this.headersSent) return;
    this.headersSent = true;
    const own = [INCARNATION_HEADER, incarnationId, MESSAGES_HEADER, String(MESSAGE_FORMAT)];
    own.push(SNAPSHOTS_HEADER, String(SNAPSHOT_FORMAT));
    this.stream.sendHeaders([...baseHeaders, ...own], false);
  }

  reply(progress: contracts.SnapshotProgress): void {
    if (this.ended || !this.headersSent) return;
    this.hasReplied = true;
    this.stream.sendData(frameMessage(contracts.SnapshotProgress.encode(progress).finish()));
  }

  answer(error?: { readonly code: number; readonly details: string }): void {
    if (this.ended) return;
    this.ended = true;
    this.release();
    if (error !== undefined) {
      const { code, details } = error;
      return this.end(['grpc-status', String(code), 'grpc-message', percentEncode(details)]);
    }
    if (!this.headersSent) this.stream.sendHeaders(baseHeaders, false);
    this.headersSent = true;
    // A call of which one message is expected has got it otherwise.
    if (!this.hasReplied) {
      const result = contracts.PeerStreamResult.encode({}).finish();
      this.stream.sendData(frameMessage(result));
    }
    this.end(['grpc-status', '0']);
  }

  // ---- from the connection ----

  onHeaders(): void {}
  onSent(): void {}
  onReset(): void {}

  onData(chunk: Uint8Array): void {
    if (this.ended) return this.stream.release(chunk.length);
    this.owedBytes += chunk.length;
    this.reader.push(chunk);
    this.read();
  }

  onEnd(): void {
    this.requestsEnded = true;
    this.read();
  }

  onClosed(): void {
    this.ended = true;
    this.listener?.onClosed();
  }

  private end(trailers: HeaderPairs): void {
    if (this.headersSent) this.stream.sendEnd(trailers);
    else this.stream.sendHeaders([...baseHeaders, ...trailers], true);
  }

  private read(): void {
    try {
      while (!this.paused && !this.ended) {
        const message = this.reader.next();
        if (message === undefined) break;
        if (message.compressed) throw new DecodeError('a compressed frame');
        this.listener?.onFrame(decodeFrame(message.bytes));
      }
    } catch (error) {
      const fault = error instanceof DecodeError ? error : new DecodeError(String(error));
      return this.listener?.onFault(fault);
    }
    if (this.paused || this.ended) return;
    this.release();
    if (!this.requestsEnded || this.endTold) return;
    this.endTold = true;
    if (this.reader.waitingBytes > 0)
      this.listener?.onFault(new DecodeError('the stream ends within a frame'));
    else this.listener?.onEnd();
  }

  private release(): void {
    const bytes = this.owedBytes;
    this.owedBytes = 0;
    if (bytes > 0) this.stream.release(bytes);
  }
}

function decodeFrame(bytes: Buffer): Frame | undefined {
  try {
    return contracts.PeerFrame.decode(bytes).frame;
  } catch (error) {
    throw new DecodeError(`a frame that is none: ${(error as Error).message}`);
  }
}
