import { type ConfigView, type ServiceView } from '@raftway/discovery';
import { type Logger, type Metrics } from '@raftway/observability';
import { type ServerTls } from '@raftway/tls';
import { type GatewayOptions } from './options';

/** What a gateway is built from. */
export interface GatewayDependencies {
  readonly options: GatewayOptions;
  /** The registry's live view. The gateway does not close it. */
  readonly view: ServiceView;
  /** The registry's entries that are documents, when the options name them (`registry:///…`). The gateway does not close it. */
  readonly config?: ConfigView | undefined;
  /** @default silent */
  readonly logger?: Logger;
  /** @default a registry of its own */
  readonly metrics?: Metrics;
  /** Certificates of all ports and connections. @default plaintext */
  readonly tls?: ServerTls | undefined;
  /** A number from 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Whether the admin and HTTP servers are started. @default true */
  readonly withAdmin?: boolean;
}

/** A gateway in this process. */
export interface GatewayApp {
  start(): Promise<void>;
  /** NOT_SERVING → drain delay → GOAWAY → open calls finish, at most the drain timeout → the rest gets GATEWAY_STOPPING. Once; a second call waits for the first. */
  stop(): Promise<void>;
  /** host:port of the one port. @throws Error before start */
  readonly address: string;
  /** host:port of the admin server; undefined without one. */
  readonly adminAddress: string | undefined;
  /** host:port of /metrics, /livez and /readyz; undefined without admin. */
  readonly httpAddress: string | undefined;
  /** Bytes of calls that are held now. */
  readonly bufferedBytes: number;
  /** Open connections to instances. */
  readonly upstreamConnectionCount: number;
}
