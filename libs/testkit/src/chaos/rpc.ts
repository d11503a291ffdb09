import * as grpc from '@grpc/grpc-js';
import { rpc } from '@raftway/contracts';

/** A method as ts-proto describes it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/**
 * What one attempt says about the state:
 *
 * - `answered`: the service has answered.
 * - `refused`: certainly nothing has happened; `mayRetry` when another replica or another moment may answer differently.
 * - `unknown`: it may have taken effect, or may still do so. `details` are the error's own words.
 */
export type Outcome<Response> =
  | { readonly kind: 'answered'; readonly response: Response }
  | { readonly kind: 'refused'; readonly reason: string; readonly mayRetry: boolean }
  | { readonly kind: 'unknown'; readonly reason: string; readonly details?: string };

/** Reasons of UNAVAILABLE and RESOURCE_EXHAUSTED that say: nothing has happened. */
const WITHOUT_EFFECT = new Set([
  'NO_LEADER',
  'NOT_READY',
  'QUEUE_FULL',
  'TOO_MANY_CALLS',
  'NO_WORKER_LEASE',
  // The gateway's.
  'NO_LIVE_INSTANCE',
  'INSTANCES_UNREACHABLE',
  'REGISTRY_UNAVAILABLE',
]);

/** Answers of the replicated state, or of the check of the request alone. */
const REFUSALS = new Set([
  grpc.status.INVALID_ARGUMENT,
  grpc.status.NOT_FOUND,
  grpc.status.FAILED_PRECONDITION,
  grpc.status.OUT_OF_RANGE,
  grpc.status.RESOURCE_EXHAUSTED,
]);

/** These come from the state, too, but tell of a grant that was there. */
const AFTER_EFFECT = new Set(['GRANT_ENDED', 'SESSION_EXPIRED']);

/**
 * grpc-js for REFUSED_STREAM, which promises that nobody has looked at the request (RFC 9113 §8.7). Mostly no server sent it: a request that waits to be written when GOAWAY
 * comes in is refused by the client's own HTTP/2. A gRPC client repeats such a call unasked (gRFC A6, transparent retries), which `grpc.enable_retries: 0` turns off as well.
 */
const STREAM_REFUSED = 'Stream refused by server';

/** Dead servers are the rule here: look for them again soon. */
const CHANNEL_OPTIONS: grpc.ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 400,
  'grpc.keepalive_time_ms': 1_000,
  'grpc.keepalive_timeout_ms': 1_000,
};

/** Calls without retries, policies or caches of our own: what comes back is what one replica said. */
export class Rpc {
  private readonly clients = new Map<string, grpc.Client>();
  /** INTERNAL and UNKNOWN: answers that no fault excuses. */
  readonly defects: string[] = [];

  /** @param channelOptions of grpc-js. @default no retries, and quick to connect again */
  constructor(private readonly channelOptions = CHANNEL_OPTIONS) {}

  /** One unary call; resolves at the latest after `timeoutMs`. */
  unary<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Outcome<Response>> {
    return new Promise((resolve) => {
      this.client(address).makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new grpc.Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error !== null) resolve(this.outcomeOf(method.path, error));
          else if (response === undefined) resolve({ kind: 'unknown', reason: 'no response' });
          else resolve({ kind: 'answered', response });
        },
      );
    });
  }

  /** One request and its response on a stream of its own. */
  exchange<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Outcome<Response>> {
    return new Promise((resolve) => {
      const call = this.client(address).makeBidiStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        new grpc.Metadata(),
        { deadline: Date.now() + timeoutMs },
      );
      call.once('data', (response: Response) => resolve({ kind: 'answered', response }));
      call.once('error', (error: grpc.ServiceError) => resolve(this.outcomeOf(method.path, error)));
      call.once('end', () => resolve({ kind: 'unknown', reason: 'the stream ended' }));
      call.write(request);
      call.end();
    });
  }

  /** One stream for many requests: answers come in their order; those that are missing at the end are undefined. */
  exchangeMany<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    requests: readonly Request[],
    timeoutMs: number,
  ): Promise<Response[]> {
    return new Promise((resolve) => {
      const responses: Response[] = [];
      const call = this.client(address).makeBidiStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        new grpc.Metadata(),
        { deadline: Date.now() + timeoutMs },
      );
      call.on('data', (response: Response) => responses.push(response));
      call.once('error', () => resolve(responses));
      call.once('end', () => resolve(responses));
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  private client(address: string): grpc.Client {
    const known = this.clients.get(address);
    if (known !== undefined) return known;
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), this.channelOptions);
    this.clients.set(address, client);
    return client;
  }

  private outcomeOf<Response>(path: string, error: grpc.ServiceError): Outcome<Response> {
    const { code, details } = error;
    const reason = reasonOf(error);
    if (WITHOUT_EFFECT.has(reason)) return { kind: 'refused', reason, mayRetry: true };
    // grpc-js says this when no attempt has left the machine.
    if (code === grpc.status.UNAVAILABLE && details.startsWith('No connection established')) {
      return { kind: 'refused', reason: 'NOT_CONNECTED', mayRetry: true };
    }
    if (code === grpc.status.UNAVAILABLE && details === STREAM_REFUSED) {
      return { kind: 'refused', reason: 'STREAM_REFUSED', mayRetry: true };
    }
    if (REFUSALS.has(code) && !AFTER_EFFECT.has(reason)) {
      return { kind: 'refused', reason: reason || grpc.status[code], mayRetry: false };
    }
    if (code === grpc.status.INTERNAL || code === grpc.status.UNKNOWN) {
      this.defects.push(`${path} answered ${grpc.status[code]}: ${details}`);
    }
    return { kind: 'unknown', reason: reason || grpc.status[code], details };
  }
}

function reasonOf(error: grpc.ServiceError): string {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(bytes)) return '';
  for (const detail of rpc.Status.decode(bytes).details) {
    if (detail.typeUrl.endsWith('google.rpc.ErrorInfo')) {
      return rpc.ErrorInfo.decode(detail.value).reason;
    }
  }
  return '';
}
