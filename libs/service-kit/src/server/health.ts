import { health } from '@raftway/contracts';
import { notFound, resourceExhausted } from '@raftway/errors';
import type { Handlers, ServiceImplementation } from '../rpc/handlers';
import { implementService } from '../rpc/implement-service';

const ServingStatus = health.HealthCheckResponse_ServingStatus;
type Status = health.HealthCheckResponse_ServingStatus;

/** How often watchers look whether readiness, which is asked rather than announced, has changed. */
const READINESS_POLL_MS = 250;

/** Streams of Watch at most: each holds a timer. */
const WATCHES_MAX = 1000;

/**
 * The server's health by service: '' is the process itself, a service's own status is set from outside and follows readiness until then.
 * A process that is not ready, or drains, serves nothing.
 */
export class HealthState {
  private readonly set = new Map<string, boolean>();
  private readonly changed = new Set<() => void>();
  private draining = false;

  /** @param services full names of the services that the server has, '' apart. */
  constructor(
    private readonly services: readonly string[],
    private readonly ready: () => boolean,
  ) {}

  setServingStatus(service: string, serving: boolean): void {
    if (this.set.get(service) === serving) return;
    this.set.set(service, serving);
    this.announce();
  }

  /** NOT_SERVING for everything from now on. */
  drain(): void {
    this.draining = true;
    this.announce();
  }

  /** Undefined for a service that the server does not have. */
  status(service: string): Status | undefined {
    const known = service === '' || this.set.has(service) || this.services.includes(service);
    if (!known) return undefined;
    const serving = !this.draining && this.ready() && (this.set.get(service) ?? true);
    return serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  names(): string[] {
    return [...new Set(['', ...this.services, ...this.set.keys()])];
  }

  onChange(listener: () => void): () => void {
    this.changed.add(listener);
    return () => this.changed.delete(listener);
  }

  get watches(): number {
    return this.changed.size;
  }

  private announce(): void {
    for (const listener of this.changed) listener();
  }
}

/** grpc.health.v1.Health over a state. */
export function healthService(state: HealthState): ServiceImplementation {
  const handlers: Handlers<typeof health.HealthService> = {
    check: ({ service }) => {
      const status = state.status(service);
      if (status !== undefined) return { status };
      throw notFound('SERVICE_NOT_FOUND', `this server has no service "${service}"`);
    },
    list: () => ({
      statuses: Object.fromEntries(
        state
          .names()
          .map((name) => [name, { status: state.status(name) ?? ServingStatus.UNKNOWN }]),
      ),
    }),
    watch: ({ service }, call) => watch(state, service, call.signal),
  };
  return implementService(health.HealthService, handlers, { endlessMethods: ['watch'] });
}

async function* watch(
  state: HealthState,
  service: string,
  signal: AbortSignal,
): AsyncGenerator<health.HealthCheckResponse, void, undefined> {
  if (state.watches >= WATCHES_MAX) {
    throw resourceExhausted('LIMIT_REACHED', `${WATCHES_MAX} health watches are open`, {
      metadata: { limit: String(WATCHES_MAX) },
    });
  }
  let wake: () => void = () => undefined;
  const onWake = (): void => wake();
  const unsubscribe = state.onChange(onWake);
  const poll = setInterval(onWake, READINESS_POLL_MS);
  signal.addEventListener('abort', onWake);
  let last: Status | undefined;
  try {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const status = state.status(service) ?? ServingStatus.SERVICE_UNKNOWN;
      if (status !== last) {
        last = status;
        yield { status };
      } else {
        await woken;
      }
    }
  } finally {
    unsubscribe();
    clearInterval(poll);
    signal.removeEventListener('abort', onWake);
  }
}
