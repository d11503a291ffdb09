import { health } from '@raftway/contracts';
import { Code, ServiceError } from '@raftway/errors';
import { decodeRequest, type LocalCall, type LocalHandler } from './local-call';
import { type LocalMethod } from './local-services';

/** Full name of the health service. */
export const healthServiceName = 'grpc.health.v1.Health';

const Serving = health.HealthCheckResponse_ServingStatus;
type ServingStatus = health.HealthCheckResponse_ServingStatus;

/** Streams that watch health at once; further ones get RESOURCE_EXHAUSTED. */
const watchersMax = 10_000;

/** What the gateway's health is read from. */
export interface HealthSource {
  /** Whether the gateway itself can take part. */
  isReady(): boolean;
  /** Whether a gRPC service or a registered service has a live instance; undefined when it is not known. */
  isLive(service: string): boolean | undefined;
  /** Names that List answers with. */
  names(): readonly string[];
}

/**
 * `grpc.health.v1.Health` of the gateway. '' is the gateway itself; the name of a gRPC service (`helloworld.Greeter`) or
 * of a registered service (`greeter`) is serving while it has at least one live instance.
 */
export class HealthService {
  private readonly watchers = new Set<Watcher>();

  constructor(private readonly source: HealthSource) {}

  /** The methods, for the gateway's port. */
  methods(): Record<string, LocalMethod> {
    return {
      Check: (call) => new UnaryHandler(call, (bytes) => this.check(bytes)),
      List: (call) => new UnaryHandler(call, (bytes) => this.list(bytes)),
      Watch: (call) => this.watch(call),
    };
  }

  /** Tells watchers what has changed. Call after every change of the source. */
  changed(): void {
    for (const watcher of this.watchers) watcher.report();
  }

  /** Ends all watches, so that a drain need not wait for them: watchers come back on another connection. */
  endWatches(): void {
    for (const watcher of this.watchers) watcher.end();
  }

  /** The status of a name; undefined when the name is not known. */
  status(service: string): ServingStatus | undefined {
    if (service === '') return this.source.isReady() ? Serving.SERVING : Serving.NOT_SERVING;
    const live = this.source.isLive(service);
    if (live === undefined) return undefined;
    return live && this.source.isReady() ? Serving.SERVING : Serving.NOT_SERVING;
  }

  private check(bytes: Uint8Array): Uint8Array {
    const { service } = decodeRequest(health.HealthCheckRequest, bytes);
    const status = this.status(service);
    if (status === undefined)
      throw new ServiceError({
        code: Code.notFound,
        reason: 'SERVICE_NOT_FOUND',
        message: `no service ${service} is known`,
        metadata: { service },
      });
    return health.HealthCheckResponse.encode({ status }).finish();
  }

  private list(bytes: Uint8Array): Uint8Array {
    decodeRequest(health.HealthListRequest, bytes);
    const statuses: Record<string, health.HealthCheckResponse> = {};
    for (const name of ['', ...this.source.names()])
      statuses[name] = { status: this.status(name) ?? Serving.SERVICE_UNKNOWN };
    return health.HealthListResponse.encode({ statuses }).finish();
  }

  private watch(call: LocalCall): LocalHandler {
    if (this.watchers.size >= watchersMax)
      throw new ServiceError({
        code: Code.resourceExhausted,
        reason: 'TOO_MANY_WATCHERS',
        message: `at most ${watchersMax} streams may watch health`,
        metadata: { limit: String(watchersMax) },
      });
    const watcher: Watcher = new Watcher(call, this, () => this.watchers.delete(watcher));
    this.watchers.add(watcher);
    return watcher;
  }
}

class UnaryHandler implements LocalHandler {
  private answered = false;

  constructor(
    private readonly call: LocalCall,
    private readonly answer: (bytes: Uint8Array) => Uint8Array,
  ) {}

  onMessage(message: Uint8Array): void {
    if (this.answered) return;
    this.answered = true;
    this.call.send(this.answer(message));
    this.call.end();
  }

  onHalfClose(): void {
    if (!this.answered) throw missingRequest();
  }

  onClosed(): void {}
}

class Watcher implements LocalHandler {
  private service: string | undefined;
  private last: ServingStatus | undefined;

  constructor(
    private readonly call: LocalCall,
    private readonly health: HealthService,
    private readonly onDone: () => void,
  ) {}

  onMessage(message: Uint8Array): void {
    this.service ??= decodeRequest(health.HealthCheckRequest, message).service;
    this.report();
  }

  onHalfClose(): void {
    if (this.service === undefined) throw missingRequest();
  }

  onClosed(): void {
    this.onDone();
  }

  onRoom(): void {
    this.report();
  }

  end(): void {
    this.call.end();
  }

  /** Sends the status when it is another than the last. A client that does not read misses what was between. */
  report(): void {
    if (this.service === undefined || this.call.isCongested) return;
    const status = this.health.status(this.service) ?? Serving.SERVICE_UNKNOWN;
    if (status === this.last) return;
    this.last = status;
    this.call.send(health.HealthCheckResponse.encode({ status }).finish());
  }
}

function missingRequest(): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'REQUEST_MISSING',
    message: 'the method takes one request and got none',
  });
}
