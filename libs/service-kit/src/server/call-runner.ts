import { Code, codeName, ServiceError } from '@raftway/errors';
import {
  CallSpan,
  serverErrorType,
  type HistogramMetric,
  type Logger,
  type Metrics,
} from '@raftway/observability';
import type { CallTracker } from './call-tracker';
import type { GrpcStream } from './grpc/grpc-stream';
import { ServerCall } from './server-call';

const TRACER = '@raftway/service-kit';

/** A call from its first message to its status. */
export interface RunningCall {
  readonly call: ServerCall;
  /** The handler runs in it. */
  readonly span: CallSpan;
  /** Why it must not run, if so; end it with that. */
  readonly refusal: ServiceError | undefined;
  /** Ends the call: counts it and logs it. Yields the error that the caller gets; undefined in = ended well. */
  end(error: undefined): undefined;
  end(error: unknown): ServiceError;
}

/** Begins and ends the calls of some services the same way: limits, metrics, access log, error mapping. */
export class CallRunner {
  private readonly durations: HistogramMetric;

  /** @param tracker undefined for services that must answer whatever happens, such as health. */
  constructor(
    private readonly logger: Logger,
    metrics: Metrics,
    private readonly tracker: CallTracker,
    private readonly limited: boolean,
  ) {
    this.durations = metrics.histogram({
      name: 'rpc_server_call_duration_seconds',
      help: 'Time from the request to the status of calls that this server answered.',
      labels: ['rpc_system_name', 'rpc_method', 'rpc_response_status_code', 'error_type'],
      combinationsMax: 500,
    });
  }

  /** @param endless whether a drain ends the call at its start instead of waiting for it. */
  begin(stream: GrpcStream, endless: boolean): RunningCall {
    const call = new ServerCall(stream, endless, this.logger, nowMs);
    const refusal = this.limited ? this.tracker.refusal() : undefined;
    const startedMs = nowMs();
    const span = CallSpan.server(TRACER, call.method.slice(1), (key) => call.metadata.get(key));
    call.traceFields = span.traceFields;
    this.tracker.add(call);
    const end = (error: unknown): ServiceError | undefined => {
      call.finished = true;
      this.tracker.remove(call);
      const answered = error === undefined ? undefined : this.toAnswer(error, call);
      const status = answered === undefined ? 'OK' : codeName(answered.code);
      span.end(status);
      this.record(call, status, answered, (nowMs() - startedMs) / 1000);
      return answered;
    };
    return { call, span, refusal, end: end as RunningCall['end'] };
  }

  /** What the caller gets for what the handler threw. */
  private toAnswer(error: unknown, call: ServerCall): ServiceError {
    // A handler that stops because of the signal often throws an AbortError of whatever it was waiting for.
    if (call.aborted !== undefined && !(error instanceof ServiceError)) return call.aborted;
    const answer = ServiceError.from(error);
    if (answer.code === Code.internal) call.logger.error('call failed', { error });
    return answer;
  }

  private record(
    call: ServerCall,
    status: string,
    error: ServiceError | undefined,
    seconds: number,
  ): void {
    this.durations.observe(seconds, {
      rpc_system_name: 'grpc',
      rpc_method: call.method.slice(1),
      rpc_response_status_code: status,
      error_type: serverErrorType(status),
    });
    if (!this.logger.debugEnabled) return;
    this.logger.debug('call', {
      method: call.method,
      status,
      reason: error?.reason,
      seconds,
      peer: call.peer,
      ...call.traceFields,
    });
  }
}

function nowMs(): number {
  return performance.now();
}
