import { type InstanceEndpoint } from '../domain/backend';
import { Upstream, type UpstreamContext } from './upstream';

/** How often idle connections are looked for, in milliseconds. */
const sweepMs = 5000;

/** The connections to all endpoints. */
export class UpstreamPool {
  private readonly upstreams = new Map<string, Upstream>();
  private readonly retired = new Set<Upstream>();
  private readonly sweep: NodeJS.Timeout;
  private readonly others: UpstreamPool[] = [];

  constructor(private readonly context: UpstreamContext) {
    this.sweep = setInterval(() => this.sweepIdle(), sweepMs);
    this.sweep.unref();
  }

  /** Open connections to all endpoints. */
  get connectionCount(): number {
    let count = 0;
    for (const upstream of this.upstreams.values()) count += upstream.connectionCount;
    for (const upstream of this.retired) count += upstream.connectionCount;
    for (const pool of this.others) count += pool.connectionCount;
    return count;
  }

  /** The connections to one endpoint; none is opened before a call needs it. */
  get(endpoint: InstanceEndpoint): Upstream {
    let upstream = this.upstreams.get(endpoint.key);
    if (upstream === undefined) {
      const { key, service, address, backend } = endpoint;
      const connectionsMax = (): number | undefined => backend.protection?.settings.connectionsMax;
      upstream = new Upstream(key, service, address, this.context, connectionsMax);
      this.upstreams.set(key, upstream);
    }
    return upstream;
  }

  /** Further connections to the same endpoints, apart from these: what waits, fails or holds memory there does so there. They end with this pool. */
  beside(changes: Partial<UpstreamContext>): UpstreamPool {
    const pool = new UpstreamPool({ ...this.context, ...changes });
    this.others.push(pool);
    return pool;
  }

  /** Retires the connections to every endpoint that takes no calls any more. */
  retain(takesCalls: (key: string) => boolean): void {
    for (const [key, upstream] of this.upstreams) {
      if (takesCalls(key)) continue;
      this.upstreams.delete(key);
      this.retired.add(upstream);
      upstream.retire();
    }
    this.context.setAside.retain(takesCalls);
    for (const pool of this.others) pool.retain(takesCalls);
    this.forgetGone();
  }

  destroy(): void {
    clearInterval(this.sweep);
    for (const upstream of this.upstreams.values()) upstream.destroy();
    for (const upstream of this.retired) upstream.destroy();
    for (const pool of this.others) pool.destroy();
  }

  private sweepIdle(): void {
    const nowMs = this.context.nowMs();
    for (const upstream of this.upstreams.values()) upstream.sweep(nowMs);
    this.forgetGone();
  }

  private forgetGone(): void {
    for (const upstream of this.retired) if (upstream.isGone) this.retired.delete(upstream);
  }
}
