import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type StreamListener } from '@raftway/http2';
import { connectionTooOld } from '../domain/refusal';
import { type MemoryBudget } from '../proxy/memory-budget';
import { type OpenCall, type OpenCalls } from '../proxy/open-calls';
import { PassingStream } from '../web/passing-stream';

/** What calls that wait share with all others. */
export interface PendingContext {
  readonly memory: MemoryBudget;
  readonly openCalls: OpenCalls;
}

/** A call that is being judged: keeps what its client sends meanwhile, which the client's credit bounds, and hands it on with the call. */
export class PendingCall implements StreamListener, OpenCall {
  private chunks: Uint8Array[] = [];
  private heldBytes = 0;
  private hasEnded = false;
  private isOver = false;

  /** @param refuse answers the call with an error, and takes its stream over */
  constructor(
    private readonly stream: EngineStream,
    private readonly context: PendingContext,
    private readonly refuse: (error: ServiceError) => void,
  ) {
    stream.setListener(this);
    context.openCalls.add(this);
  }

  /** Gives the call to whoever takes it: `open` has to set the listener of the stream that it is given. Does nothing when the client has gone. */
  pass(open: (stream: EngineStream) => void): void {
    const { chunks, hasEnded } = this;
    if (!this.finish()) return;
    const taken = new TakenStream(this.stream);
    open(taken);
    for (const chunk of chunks) taken.listener?.onData(chunk);
    if (hasEnded) taken.listener?.onEnd(undefined);
  }

  stop(error: ServiceError): void {
    const { heldBytes } = this;
    if (!this.finish()) return;
    if (heldBytes > 0) this.stream.release(heldBytes);
    this.refuse(error);
  }

  onHeaders(): void {}
  onSent(): void {}

  onData(chunk: Uint8Array): void {
    if (this.isOver) return this.stream.release(chunk.length);
    this.chunks.push(chunk);
    this.heldBytes += chunk.length;
    this.context.memory.add(chunk.length);
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onOverdue(): void {
    this.stop(connectionTooOld());
  }

  onReset(): void {
    this.finish();
  }

  onClosed(): void {
    this.finish();
  }

  /** Notes the end once. Returns false when it was noted before. */
  private finish(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.context.openCalls.remove(this);
    this.context.memory.add(-this.heldBytes);
    this.heldBytes = 0;
    this.chunks = [];
    return true;
  }
}

/** Knows who listens, so that what came before can be told. */
class TakenStream extends PassingStream {
  listener: StreamListener | undefined;

  override setListener(listener: StreamListener): void {
    this.listener = listener;
    super.setListener(listener);
  }
}
