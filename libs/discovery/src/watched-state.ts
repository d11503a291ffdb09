import { registry } from '@raftway/contracts';
import type { DepartedInstance, Instance, ServiceChange } from './service-view';

type Instances = Map<string, Instance>;

const REASONS = new Map<registry.RemovedInstance_Reason, DepartedInstance['reason']>([
  [registry.RemovedInstance_Reason.DEREGISTERED, 'deregistered'],
  [registry.RemovedInstance_Reason.EXPIRED, 'expired'],
]);

/**
 * What the events of a Watch amount to. Survives the stream: what the next stream sends is applied to the same object.
 */
export class WatchedState {
  /** In the registry's order; the inner maps keep the order of registration. */
  private known = new Map<string, Instances>();
  private published: ReadonlyMap<string, readonly Instance[]> = new Map();
  private currentRevision = 0n;
  /** The parts of a snapshot that have come so far. */
  private parts: registry.Instance[] = [];

  get services(): ReadonlyMap<string, readonly Instance[]> {
    return this.published;
  }

  get revision(): bigint {
    return this.currentRevision;
  }

  /** Forgets half a snapshot: the stream that was sending it broke. */
  streamBroke(): void {
    this.parts = [];
  }

  /** Replaces everything once the last part is there; yields what changed, or undefined before that or when nothing did. */
  applySnapshot(snapshot: registry.WatchSnapshot, revision: bigint): ServiceChange | undefined {
    this.parts.push(...snapshot.instances);
    if (snapshot.incomplete) return undefined;
    const old = this.known;
    this.known = new Map();
    for (const instance of this.parts) this.upsert(instance);
    this.parts = [];
    this.currentRevision = revision;
    const upserts = all(this.known).filter((instance) => !isSame(instance, find(old, instance)));
    const removals = all(old)
      .filter((instance) => find(this.known, instance) === undefined)
      .map(({ service, instanceId }) => ({ service, instanceId, reason: 'unspecified' as const }));
    // All lists are made anew: a snapshot may also bring another order.
    this.published = new Map([...this.known].map(([name, found]) => [name, [...found.values()]]));
    return this.changeOf(upserts, removals);
  }

  applyDelta(delta: registry.WatchDelta, revision: bigint): ServiceChange | undefined {
    const removed: DepartedInstance[] = [];
    for (const { service, instanceId, reason } of delta.removals) {
      if (!this.remove(service, instanceId)) continue;
      removed.push({ service, instanceId, reason: REASONS.get(reason) ?? 'unspecified' });
    }
    const upserts = delta.upserts.filter((instance) => {
      const isNews = !isSame(instance, find(this.known, instance));
      this.upsert(instance);
      return isNews;
    });
    const removals = removed.filter((instance) => find(this.known, instance) === undefined);
    this.currentRevision = revision;
    const touched = new Set([...upserts, ...removed].map(({ service }) => service));
    this.publish(touched);
    return this.changeOf(upserts, removals);
  }

  applyProgress(revision: bigint): void {
    this.currentRevision = revision;
  }

  private publish(touched: ReadonlySet<string>): void {
    const next = new Map<string, readonly Instance[]>();
    for (const [name, instances] of this.known) {
      const unchanged = touched.has(name) ? undefined : this.published.get(name);
      next.set(name, unchanged ?? [...instances.values()]);
    }
    this.published = next;
  }

  private changeOf(
    upserts: readonly Instance[],
    removals: readonly DepartedInstance[],
  ): ServiceChange | undefined {
    if (upserts.length + removals.length === 0) return undefined;
    const services = new Set([...upserts, ...removals].map(({ service }) => service));
    return { revision: this.currentRevision, services, upserts, removals };
  }

  private upsert(instance: Instance): void {
    const instances: Instances = this.known.get(instance.service) ?? new Map<string, Instance>();
    this.known.set(instance.service, instances.set(instance.instanceId, instance));
  }

  private remove(service: string, instanceId: string): boolean {
    const instances = this.known.get(service);
    if (instances?.delete(instanceId) !== true) return false;
    if (instances.size === 0) this.known.delete(service);
    return true;
  }
}

function all(known: ReadonlyMap<string, Instances>): Instance[] {
  return [...known.values()].flatMap((instances) => [...instances.values()]);
}

function find(
  known: ReadonlyMap<string, Instances>,
  { service, instanceId }: { readonly service: string; readonly instanceId: string },
): Instance | undefined {
  return known.get(service)?.get(instanceId);
}

/** A changed instance has another revision, except for the registry's own replicas, which have one for ever. */
function isSame(instance: Instance, other: Instance | undefined): boolean {
  return (
    other !== undefined &&
    instance.modifiedRevision === other.modifiedRevision &&
    instance.address === other.address
  );
}
