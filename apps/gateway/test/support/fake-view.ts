import { registry } from '@raftway/contracts';
import { type Instance, type ServiceChange, type ServiceView } from '@raftway/discovery';

/** A ServiceView that a spec sets. */
export class FakeView implements ServiceView {
  private state = new Map<string, readonly Instance[]>();
  private readonly listeners = new Set<(change: ServiceChange) => void>();
  private current = 0n;

  services(): ReadonlyMap<string, readonly Instance[]> {
    return this.state;
  }

  instances(service: string): readonly Instance[] {
    return this.state.get(service) ?? [];
  }

  revision(): bigint {
    return this.current;
  }

  ageMs(): number {
    return this.current === 0n ? Number.POSITIVE_INFINITY : 0;
  }

  isConnected(): boolean {
    return this.current > 0n;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async ready(): Promise<void> {}

  async close(): Promise<void> {}

  /** Replaces everything. */
  set(...instances: Instance[]): void {
    const next = new Map<string, Instance[]>();
    for (const one of instances) next.set(one.service, [...(next.get(one.service) ?? []), one]);
    this.state = next;
    this.current += 1n;
    const change: ServiceChange = {
      revision: this.current,
      services: new Set(next.keys()),
      upserts: instances,
      removals: [],
    };
    for (const listener of this.listeners) listener(change);
  }
}

let count = 0;

/** A registered instance of a service that serves one gRPC service. */
export function instanceOf(
  address: string,
  overrides: Partial<registry.Instance> = {},
): registry.Instance {
  count += 1;
  return {
    service: 'echo',
    instanceId: `echo-${count}`,
    address,
    protocol: 'grpc',
    grpcServices: ['test.Echo'],
    status: registry.InstanceStatus.SERVING,
    weight: 100,
    zone: '',
    version: '1',
    metadata: {},
    modifiedRevision: BigInt(count),
    ...overrides,
  };
}
