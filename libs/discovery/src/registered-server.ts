import { hostname } from 'node:os';
import { splitHostPort } from '@raftway/config';
import { registry } from '@raftway/contracts';
import type { Logger } from '@raftway/observability';
import type { RaftwayServer } from '@raftway/service-kit';
import type { TlsSource } from '@raftway/tls';
import { registerSelf, type SelfRegistration } from './self-registration';

/** How long saying DRAINING, and then taking the entry back, may each hold up a stop while the registry is away, in milliseconds. */
const LEAVE_TIMEOUT_MS = 250;

/** What {@link registeredServer} works with. */
export interface RegisteredServerInput {
  readonly server: Pick<RaftwayServer, 'start' | 'stop' | 'address'>;
  /** Of the process's options: all that registrationOptionsShape and serverOptionsShape have. */
  readonly options: {
    /** Seed addresses. */
    readonly registry: readonly string[];
    /** @default the address that the server listens on */
    readonly advertise?: string | undefined;
    /** Share of calls, 1 to 1000. @default 100 */
    readonly weight?: number | undefined;
    /** Failure domain. @default none */
    readonly zone?: string | undefined;
    readonly drainDelayMs: number;
  };
  readonly service: string;
  /** Asked when the server listens: the id may follow from the port. */
  readonly instanceId: () => string;
  readonly grpcServices: readonly string[];
  readonly logger: Logger;
  /** Certificates for TLS with the registry. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** Resolves when calls may come: a replica that still waits for its group would refuse them. Rejects when it is aborted. @default as soon as the server listens */
  readonly whenUseful?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** @default registerSelf */
  readonly register?: typeof registerSelf | undefined;
}

/** A server that is in the registry while it serves. */
export interface RegisteredServer {
  start(): Promise<void>;
  /** A second call waits for the first. @param beforeServer what has to end while the server still serves. @default nothing */
  stop(beforeServer?: () => Promise<void>): Promise<void>;
}

/**
 * Puts a server into the registry once it listens and is of use, and takes it out so that callers leave before calls are refused:
 *
 * 1. DRAINING, so that nobody picks the instance for new calls;
 * 2. NOT_SERVING and the drain delay, in which calls that are on their way are still served, and the entry is taken back;
 * 3. new calls are refused, accepted ones finish.
 *
 * While the registry is away this takes at most half a second longer than the server alone; the entry then expires.
 */
export function registeredServer(input: RegisteredServerInput): RegisteredServer {
  const { server } = input;
  let registration: SelfRegistration | undefined;
  let stopped: Promise<void> | undefined;
  const leaving = new AbortController();
  const leave = async (beforeServer: () => Promise<void>): Promise<void> => {
    leaving.abort();
    await registration?.setStatus(registry.InstanceStatus.DRAINING, LEAVE_TIMEOUT_MS);
    // What fits into the drain delay costs nothing.
    const timeoutMs = Math.max(LEAVE_TIMEOUT_MS, input.options.drainDelayMs);
    await Promise.all([
      registration?.deregister(timeoutMs),
      beforeServer().then(() => server.stop()),
    ]);
  };
  return {
    start: async () => {
      await server.start();
      if (input.whenUseful === undefined) {
        registration = enter(input);
        return;
      }
      input.whenUseful(leaving.signal).then(
        () => {
          if (!leaving.signal.aborted) registration = enter(input);
        },
        // It was aborted: the server leaves before it was of use.
        () => undefined,
      );
    },
    stop: (beforeServer = () => Promise.resolve()) => (stopped ??= leave(beforeServer)),
  };
}

/** `<service>-<host name>-<port>`: for services whose instances have no node id to tell them apart by. */
export function defaultInstanceId(service: string, address: string): string {
  return `${service}-${hostname()}-${splitHostPort(address)?.port ?? 0}`;
}

function enter(input: RegisteredServerInput): SelfRegistration {
  const { server, options, service, instanceId, grpcServices, logger } = input;
  return (input.register ?? registerSelf)({
    registry: options.registry,
    instance: {
      service,
      instanceId: instanceId(),
      address: options.advertise ?? server.address,
      grpcServices: [...grpcServices],
      weight: options.weight ?? 100,
      zone: options.zone ?? '',
    },
    logger,
    tls: input.tls,
  });
}
