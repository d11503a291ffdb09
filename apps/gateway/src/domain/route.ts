import { EndpointSet, type RandomSource } from '@raftway/load-balancing';
import { type Backend, type InstanceEndpoint } from './backend';

/** Where calls of one gRPC service go. Stays when its last instance has gone. */
export interface Route {
  /** Full name, such as `helloworld.Greeter`. */
  readonly grpcService: string;
  /** The registered service that serves it, such as `greeter`. */
  readonly service: string;
  /** What is known of that service's instances. */
  readonly backend: Backend;
  /** The instances that take calls. */
  readonly endpoints: EndpointSet<InstanceEndpoint>;
  /** Since when there has been none, in milliseconds since 1970; undefined while there is one. */
  readonly emptySinceMs: number | undefined;
}

/** A route whose backend, instances and picking change. */
export class MutableRoute implements Route {
  emptySinceMs: number | undefined;
  /** Whether it has ever had an instance. */
  wasEverLive = false;
  /** Whether it had an instance at the last update. */
  isLive = false;
  endpoints: EndpointSet<InstanceEndpoint>;

  constructor(
    readonly grpcService: string,
    private holder: Backend,
    private readonly random: RandomSource,
  ) {
    this.endpoints = new EndpointSet(holder.loadBalancing, random);
  }

  get backend(): Backend {
    return this.holder;
  }

  get service(): string {
    return this.holder.service;
  }

  /** Another service holds the claim now. */
  moveTo(backend: Backend): void {
    this.holder = backend;
    this.endpoints = new EndpointSet(backend.loadBalancing, this.random);
  }

  /** Instances are picked as the backend says now. */
  pickAnew(): void {
    const endpoints = this.endpoints.list();
    this.endpoints = new EndpointSet(this.holder.loadBalancing, this.random);
    this.endpoints.replace(endpoints);
  }
}

/** A route to a registered service whole, seen from one gRPC service. */
export class NamedRoute implements Route {
  constructor(
    readonly grpcService: string,
    private readonly whole: MutableRoute,
  ) {}

  get service(): string {
    return this.whole.service;
  }

  get backend(): Backend {
    return this.whole.backend;
  }

  get endpoints(): EndpointSet<InstanceEndpoint> {
    return this.whole.endpoints;
  }

  get emptySinceMs(): number | undefined {
    return this.whole.emptySinceMs;
  }
}
