import type { ServiceRecord } from './registration';

/** Two services that serve one gRPC service name. */
export interface ClaimConflict {
  readonly grpcService: string;
  /** The service that came first: calls are routed to it. */
  readonly owner: string;
  /** The others, in the order in which they came. */
  readonly losers: readonly string[];
}

/**
 * Which services claim which gRPC service names. Derived from the registrations, so it is no part of snapshots.
 */
export class GrpcServiceClaims {
  /** gRPC service name → service → how many of its instances claim it. */
  private readonly claims = new Map<string, Map<string, number>>();
  private readonly contested = new Set<string>();

  add(service: string, grpcServices: readonly string[]): void {
    for (const grpcService of grpcServices) {
      const claimants = this.claims.get(grpcService) ?? new Map<string, number>();
      this.claims.set(grpcService, claimants);
      claimants.set(service, (claimants.get(service) ?? 0) + 1);
      if (claimants.size > 1) this.contested.add(grpcService);
    }
  }

  remove(service: string, grpcServices: readonly string[]): void {
    for (const grpcService of grpcServices) {
      const claimants = this.claims.get(grpcService);
      const count = claimants?.get(service);
      if (claimants === undefined || count === undefined) continue;
      if (count > 1) claimants.set(service, count - 1);
      else claimants.delete(service);
      if (claimants.size < 2) this.contested.delete(grpcService);
      if (claimants.size === 0) this.claims.delete(grpcService);
    }
  }

  /** How many gRPC service names are claimed by more than one service. */
  get conflictCount(): number {
    return this.contested.size;
  }

  /** All names that are claimed by more than one service; `services` says who came first. */
  conflicts(services: ReadonlyMap<string, ServiceRecord>): readonly ClaimConflict[] {
    const order = (name: string) => services.get(name)?.firstRevision ?? Infinity;
    return [...this.contested].sort().flatMap((grpcService) => {
      const claimants = [...(this.claims.get(grpcService)?.keys() ?? [])];
      const [owner, ...losers] = claimants.sort((a, b) => order(a) - order(b));
      return owner === undefined ? [] : [{ grpcService, owner, losers }];
    });
  }
}
