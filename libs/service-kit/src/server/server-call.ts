import type { ServiceError } from '@raftway/errors';
import type { Logger, TraceFields } from '@raftway/observability';
import type { CallContext, CallMetadata, OutgoingMetadata } from '../rpc/handlers';
import type { TrackedCall } from './call-tracker';
import type { GrpcStream } from './grpc/grpc-stream';
import { addPair, metadataPairs, readMetadata } from './grpc/metadata-pairs';

/** One call in progress. What few handlers use (signal, logger, metadata) is made when first asked for. */
export class ServerCall implements CallContext, TrackedCall {
  private controller: AbortController | undefined;
  private abortReason: ServiceError | undefined;
  private childLogger: Logger | undefined;
  private readableMetadata: CallMetadata | undefined;
  private abortListener: ((reason: ServiceError) => void) | undefined;
  /** What setTrailer collected, as header pairs. */
  trailers: string[] = [];
  /** Set when the status is on its way: what happens after it is of no interest to the handler. */
  finished = false;
  /** Named in each of the call's log lines; undefined when nobody records it. */
  traceFields: TraceFields | undefined;

  constructor(
    private readonly stream: GrpcStream,
    readonly endless: boolean,
    private readonly serverLogger: Logger,
    private readonly nowMs: () => number,
  ) {}

  get method(): string {
    return this.stream.facts.path;
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
    const { deadlineAtMs } = this.stream;
    return deadlineAtMs === undefined ? undefined : Math.max(0, deadlineAtMs - this.nowMs());
  }

  get metadata(): CallMetadata {
    return (this.readableMetadata ??= readMetadata(this.stream.headers));
  }

  get peer(): string {
    return this.stream.peer;
  }

  get logger(): Logger {
    return (this.childLogger ??= this.serverLogger.child({
      method: this.method,
      ...this.traceFields,
    }));
  }

  sendInitialMetadata(metadata: OutgoingMetadata): void {
    this.stream.sendHeaders(metadataPairs(metadata));
  }

  setTrailer(key: string, value: string | Uint8Array): void {
    addPair(this.trailers, key, value);
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
}
