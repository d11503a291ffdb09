import { Metadata, type Deadline } from '@grpc/grpc-js';
import { cancelled, deadlineExceeded, type ServiceError } from '@raftway/errors';
import type { Logger } from '@raftway/observability';
import type { CallContext, CallMetadata, OutgoingMetadata } from '../rpc/handlers';
import { addMetadata, toCallMetadata, toGrpcMetadata } from '../rpc/metadata';
import type { TrackedCall } from './call-tracker';

/** The part that grpc-js's four kinds of server call have in common. */
export interface GrpcCall {
  readonly metadata: Metadata;
  getPeer(): string;
  getDeadline(): Deadline;
  getPath(): string;
  sendMetadata(metadata: Metadata): void;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** One call in progress. What few handlers use (signal, logger, metadata) is made when first asked for. */
export class ServerCall implements CallContext, TrackedCall {
  private controller: AbortController | undefined;
  private abortReason: ServiceError | undefined;
  private childLogger: Logger | undefined;
  private readableMetadata: CallMetadata | undefined;
  private abortListener: ((reason: ServiceError) => void) | undefined;
  private headersSent = false;
  private readonly deadlineAtMs: number | undefined;
  /** What setTrailer collected. */
  trailers: Metadata | undefined;
  /** Set when the status is on its way: what happens after it is of no interest to the handler. */
  finished = false;

  constructor(
    private readonly grpcCall: GrpcCall,
    readonly endless: boolean,
    private readonly serverLogger: Logger,
  ) {
    const deadline = grpcCall.getDeadline();
    const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
    this.deadlineAtMs = Number.isFinite(atMs) ? atMs : undefined;
    // grpc-js emits it after each call, also after those that ended well: an error with its stack for each would cost a tenth of the CPU.
    grpcCall.on('cancelled', () => {
      if (!this.finished) this.abort(this.cancellation());
    });
  }

  get method(): string {
    return this.grpcCall.getPath();
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** Why the call was aborted, if it was. */
  get aborted(): ServiceError | undefined {
    return this.abortReason;
  }

  get deadlineMs(): number | undefined {
    return this.deadlineAtMs === undefined
      ? undefined
      : Math.max(0, this.deadlineAtMs - Date.now());
  }

  get metadata(): CallMetadata {
    return (this.readableMetadata ??= toCallMetadata(this.grpcCall.metadata));
  }

  get peer(): string {
    return this.grpcCall.getPeer();
  }

  get logger(): Logger {
    return (this.childLogger ??= this.serverLogger.child({ method: this.method }));
  }

  sendInitialMetadata(metadata: OutgoingMetadata): void {
    if (this.headersSent) return;
    this.headersSent = true;
    this.grpcCall.sendMetadata(toGrpcMetadata(metadata));
  }

  setTrailer(key: string, value: string | Uint8Array): void {
    addMetadata((this.trailers ??= new Metadata()), key, value);
  }

  abort(reason: ServiceError): void {
    if (this.finished || this.abortReason !== undefined) return;
    this.abortReason = reason;
    this.controller?.abort(reason);
    this.abortListener?.(reason);
  }

  /**
   * The handler's result, or the abort reason if that comes first: a caller that is gone, or a server that must stop, never waits for a
   * handler that ignores its signal.
   */
  async untilAborted<Result>(result: Promise<Result> | Result): Promise<Result> {
    if (this.abortReason !== undefined) {
      void Promise.resolve(result).catch(() => undefined);
      throw this.abortReason;
    }
    if (!(result instanceof Promise)) return result;
    let onAbort: (reason: ServiceError) => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => (onAbort = reject));
    this.abortListener = onAbort;
    return Promise.race([result, aborted]);
  }

  /** grpc-js reports a passed deadline and a caller that gave up in the same way; the clock tells them apart. */
  private cancellation(): ServiceError {
    return this.deadlineMs === 0
      ? deadlineExceeded('the deadline passed')
      : cancelled('the caller cancelled the call or the connection ended');
  }
}
