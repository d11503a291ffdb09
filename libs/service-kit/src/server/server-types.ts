import type { Logger, Metrics } from '@raftway/observability';
import type { ServerTls } from '@raftway/tls';
import type { ServiceImplementation } from '../rpc/handlers';

/** What a replicated app's replica adds to its server; createReplica makes one. */
export interface ServerComponent {
  /** Services of its own, served beside the app's. */
  readonly services: readonly ServiceImplementation[];
  /** Started before the server listens. */
  start(): Promise<void>;
  /** Stopped after the server has drained. */
  stop(): Promise<void>;
  /** True, or why the process cannot take part yet. */
  readiness(): true | string;
  /** Called once when the server listens: reports the serving status of services from then on. */
  reportServing(setServingStatus: (service: string, serving: boolean) => void): void;
}

/** Optional input of createServer. */
export interface ServerOptions {
  /** The process's name in logs, such as `lock-service`. */
  readonly name: string;
  /** `host:port` of the gRPC server; port 0 takes any free one. @default 127.0.0.1:0 */
  readonly bind?: string | undefined;
  /** `host:port` of /metrics, /livez and /readyz; undefined leaves them out. @default none */
  readonly httpBind?: string | undefined;
  readonly services: readonly ServiceImplementation[];
  /** Started before, and stopped after the server; supplies readiness and health. @default none */
  readonly replica?: ServerComponent | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** @default a registry of its own without process metrics */
  readonly metrics?: Metrics | undefined;
  /** True, or why the process cannot take part; asked by /readyz and for the health of ''. @default always true */
  readonly readiness?: (() => true | string) | undefined;
  /** Wait between NOT_SERVING and refusing calls, in milliseconds. @default 1000 */
  readonly drainDelayMs?: number | undefined;
  /** How long accepted calls may take to finish, in milliseconds. @default 10000 */
  readonly drainTimeoutMs?: number | undefined;
  readonly limits?: ServerLimits | undefined;
  /** Certificates of the gRPC port; the HTTP port stays plain. @default plaintext */
  readonly tls?: ServerTls | undefined;
}

/** What one server allows. */
export interface ServerLimits {
  /** Largest request message in bytes. @default 4 MiB */
  readonly receiveMessageBytesMax?: number | undefined;
  /** Connections of clients; further ones are closed at once. @default 10000 */
  readonly connectionsMax?: number | undefined;
  /** Streams one connection may have open. @default 1000 */
  readonly concurrentStreamsMax?: number | undefined;
  /** Calls in progress on the whole server, health and reflection apart; further ones get RESOURCE_EXHAUSTED. @default 10000 */
  readonly concurrentCallsMax?: number | undefined;
  /** Age at which a connection is asked to end, in milliseconds. @default never */
  readonly connectionAgeMaxMs?: number | undefined;
  /** Interval of HTTP/2 pings on idle connections, in milliseconds. @default 30000 */
  readonly keepaliveIntervalMs?: number | undefined;
}

/** A gRPC server with health, reflection and HTTP probes. */
export interface RaftwayServer {
  /** Starts the replica if there is one, then listens. @throws Error in one sentence when an address is in use or not this machine's. */
  start(): Promise<void>;
  /**
   * NOT_SERVING → drainDelayMs → no new calls, endless streams end with UNAVAILABLE `DRAINING` → all other accepted calls finish, streams
   * too, at most drainTimeoutMs → the rest ends with `DRAINING` → the replica stops. A second call waits for the first.
   */
  stop(): Promise<void>;
  /** `host:port` that it listens on. @throws Error before start. */
  readonly address: string;
  /** `host:port` of the HTTP probes; undefined without httpBind. */
  readonly httpAddress: string | undefined;
  /** The health of one service; '' and services never set follow readiness. */
  setServingStatus(service: string, serving: boolean): void;
}
