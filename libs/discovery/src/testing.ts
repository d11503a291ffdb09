import { registry } from '@raftway/contracts';
import type { Instance, ServiceChange, ServiceView } from './service-view';
import { WatchedState } from './watched-state';

export { startFakeRegistry, type FakeRegistry } from './fake-registry';
export { MemoryConfigStore } from './memory-config-store';

/** An instance with the registry's defaults. */
export function testInstance(fields: Partial<Instance> & Pick<Instance, 'service'>): Instance {
  return registry.Instance.fromPartial({
    instanceId: `${fields.service}-1`,
    address: '127.0.0.1:50051',
    protocol: 'grpc',
    status: registry.InstanceStatus.SERVING,
    weight: 100,
    ...fields,
  });
}

/** A ServiceView without a registry: a spec says what is registered. */
export class MemoryServiceView implements ServiceView {
  /** What ageMs() answers. */
  age = 0;
  connected = true;
  private readonly state = new WatchedState();
  private readonly listeners = new Set<(change: ServiceChange) => void>();

  constructor(instances: readonly Instance[] = []) {
    this.set(instances);
  }

  /** Replaces everything that is registered, and tells listeners what changed. */
  set(instances: readonly Instance[]): void {
    const revision = this.state.revision + 1n;
    const known = this.state.services;
    const listed = instances.map((instance) => {
      const old = known
        .get(instance.service)
        ?.find(({ instanceId }) => instanceId === instance.instanceId);
      // A new object stands for a change, as the registry would mark it.
      return old === instance ? old : { ...instance, modifiedRevision: revision };
    });
    const change = this.state.applySnapshot({ instances: listed, incomplete: false }, revision);
    if (change !== undefined) for (const listener of [...this.listeners]) listener(change);
  }

  services(): ReadonlyMap<string, readonly Instance[]> {
    return this.state.services;
  }

  instances(service: string): readonly Instance[] {
    return this.state.services.get(service) ?? [];
  }

  revision(): bigint {
    return this.state.revision;
  }

  ageMs(): number {
    return this.age;
  }

  isConnected(): boolean {
    return this.connected;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    const entry = (change: ServiceChange) => listener(change);
    this.listeners.add(entry);
    return () => void this.listeners.delete(entry);
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.listeners.clear();
    return Promise.resolve();
  }
}
