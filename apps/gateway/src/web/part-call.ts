import { contractsRegistry } from '@raftway/contracts';
import { type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  http2Code,
  type StreamListener,
} from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import { httpStatusOf } from '@raftway/transcoding';
import { httpErrorHeaders } from '../domain/connect-protocol';
import { errorBody } from '../domain/json-protocol';
import { responseMalformed } from '../domain/refusal';

/** How a part ended. */
export type PartOutcome = { readonly kind: 'answer'; readonly json: Uint8Array } | PartFailure;

/** The error of a part. */
export interface PartFailure {
  readonly kind: 'failure';
  readonly httpStatus: number;
  /** Those that mean something in HTTP, such as `www-authenticate`. */
  readonly headers: HeaderPairs;
  /** The JSON of google.rpc.Status. */
  readonly status: Uint8Array;
}

/** The outcome of a part that the gateway itself refuses. @param headers of the answer, beside the status */
export function failureOf(error: ServiceError, headers: HeaderPairs = []): PartFailure {
  const status = errorBody(statusTrailers(error), false, [contractsRegistry()]);
  return { kind: 'failure', httpStatus: httpStatusOf(error.code), headers, status };
}

/**
 * The client's side of a JSON call that the gateway itself makes: takes the answer in the place of an HTTP exchange, so that the call is the same
 * as one that came from outside.
 */
export class PartCall implements EngineStream {
  private listener: StreamListener | undefined;
  private httpStatus = 0;
  private headers: HeaderPairs = [];
  private readonly chunks: Uint8Array[] = [];
  private isOver = false;

  /** @param onDone is told once, and not when it was cancelled */
  constructor(private readonly onDone: (outcome: PartOutcome) => void) {}

  /** Tells whoever answers that nobody waits any more. */
  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    const detail = 'the answer is not needed any more';
    const code = http2Code.cancel;
    this.listener?.onReset({ code, unprocessed: false, connectionLost: false, detail });
    this.listener?.onClosed();
  }

  setListener(listener: StreamListener): void {
    this.listener = listener;
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.httpStatus = Number(headerValue(headers, ':status'));
    this.headers = headers;
    if (endOfStream) this.sendEnd();
  }

  sendData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }

  sendEnd(): void {
    const bytes = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    const body = bytes ?? Buffer.alloc(0);
    this.finish(
      this.httpStatus === 200
        ? { kind: 'answer', json: body }
        : {
            kind: 'failure',
            httpStatus: this.httpStatus,
            headers: httpErrorHeaders(this.headers),
            status: body,
          },
    );
  }

  release(): void {}

  reset(): void {
    this.finish(failureOf(responseMalformed('a reset')));
  }

  /** The inside hears of it after its call, as of any stream. */
  private finish(outcome: PartOutcome): void {
    queueMicrotask(() => {
      if (this.isOver) return;
      this.isOver = true;
      this.listener?.onClosed();
      this.onDone(outcome);
    });
  }
}
