import { type Logger } from '@raftway/observability';
import { type HealthCheckSettings } from '../domain/protection';
import { type InstanceEndpoint } from '../domain/backend';
import { type UpstreamPool } from '../proxy/upstream-pool';
import { HealthCheck, type HealthCheckFailure } from './health-check';

/** Checks under way at once; further ones wait for one of them to end. */
const runningMax = 64;
/** Share of an interval that is random, so that instances and gateways do not ask in step. */
const jitter = 0.1;

/** What a {@link HealthChecker} works with. */
export interface HealthCheckerContext {
  readonly pool: Pick<UpstreamPool, 'get'>;
  readonly scheme: 'http' | 'https';
  readonly logger: Logger;
  readonly observer: { onHealthCheckFailed(service: string, cause: HealthCheckFailure): void };
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** An instance that is asked. */
interface Checked {
  endpoint: InstanceEndpoint;
  /** Until the next check. */
  timer: NodeJS.Timeout | undefined;
  running: HealthCheck | undefined;
  /** That the timer was set by, in milliseconds. */
  intervalMs: number;
}

/**
 * Asks instances for their health, as far as their backends' settings say so, and tells the backends. Over the connections that calls take:
 * an instance that no call can reach fails its checks.
 */
export class HealthChecker {
  private readonly checked = new Map<string, Checked>();
  private readonly due = new Set<Checked>();
  private running = 0;

  constructor(private readonly context: HealthCheckerContext) {}

  /** Asks these instances from now on, and no others. New ones for the first time within an interval. */
  update(endpoints: readonly InstanceEndpoint[]): void {
    const wanted = new Map(endpoints.map((endpoint) => [endpoint.key, endpoint]));
    for (const [key, one] of this.checked) {
      const endpoint = wanted.get(key);
      if (endpoint === undefined) this.forget(key, one);
      else this.keep(one, endpoint);
    }
    for (const [key, endpoint] of wanted) {
      if (this.checked.has(key)) continue;
      const one: Checked = { endpoint, timer: undefined, running: undefined, intervalMs: 0 };
      this.checked.set(key, one);
      this.schedule(one, this.context.random());
    }
  }

  stop(): void {
    this.update([]);
  }

  private keep(one: Checked, endpoint: InstanceEndpoint): void {
    one.endpoint = endpoint;
    const isWaiting = one.running === undefined && !this.due.has(one);
    if (isWaiting && settingsOf(one)?.intervalMs !== one.intervalMs)
      this.schedule(one, this.context.random());
  }

  private forget(key: string, one: Checked): void {
    this.checked.delete(key);
    this.due.delete(one);
    clearTimeout(one.timer);
    if (one.running === undefined) return;
    one.running.cancel();
    this.running -= 1;
    this.runDue();
  }

  /** @param share of the interval. */
  private schedule(one: Checked, share: number): void {
    const settings = settingsOf(one);
    if (settings === undefined) return;
    clearTimeout(one.timer);
    one.intervalMs = settings.intervalMs;
    one.timer = setTimeout(() => {
      this.due.add(one);
      this.runDue();
    }, settings.intervalMs * share);
    one.timer.unref();
  }

  private runDue(): void {
    for (const one of this.due) {
      if (this.running >= runningMax) return;
      this.due.delete(one);
      this.run(one);
    }
  }

  private run(one: Checked): void {
    const settings = settingsOf(one);
    if (settings === undefined) return;
    const { pool, scheme } = this.context;
    const { endpoint } = one;
    this.running += 1;
    const check = new HealthCheck(settings, scheme, endpoint.address, (failure, detail) => {
      one.running = undefined;
      this.running -= 1;
      this.note(one, failure, detail);
      this.schedule(one, 1 + jitter * (2 * this.context.random() - 1));
      this.runDue();
    });
    one.running = check;
    check.start(pool.get(endpoint));
  }

  private note(one: Checked, failure: HealthCheckFailure | undefined, detail: string): void {
    const { logger, observer } = this.context;
    const { key, backend, service, address } = one.endpoint;
    if (failure !== undefined) observer.onHealthCheckFailed(service, failure);
    const cause = failure === undefined ? undefined : detail;
    const change = backend.protection?.checks?.note(key, cause);
    if (change === 'left_out')
      logger.warn('instance left out: its health checks fail', { service, address, cause });
    else if (change === 'back')
      logger.info('instance is back: its health checks pass', { service, address });
  }
}

function settingsOf({ endpoint }: Checked): HealthCheckSettings | undefined {
  return endpoint.backend.protection?.settings.healthCheck;
}
