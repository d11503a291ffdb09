import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { experimental, Metadata, status } from '@grpc/grpc-js';
import { splitHostPort, type HostPort } from '@raftway/config';

// grpc-js resolves one DNS name, or a list of IP addresses. A list of seeds is often a list of names (a StatefulSet's pods), of which one
// that does not resolve yet must not keep the others from being used. This resolver takes both, mixed.

/** The scheme of lists: `raftway-addresses:registry-0:50061,127.0.0.1:50062`. */
export const ADDRESS_LIST_SCHEME = 'raftway-addresses';

/** Balancers ask for new addresses at each lost connection; more often than this they get none. */
const RESOLVE_INTERVAL_MIN_MS = 1000;

class AddressListResolver implements experimental.Resolver {
  private readonly addresses: readonly HostPort[];
  private timer: NodeJS.Timeout | undefined;
  private resolving = false;
  private destroyed = false;
  private resolvedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly target: experimental.GrpcUri,
    private readonly listener: experimental.ResolverListener,
  ) {
    this.addresses = target.path
      .split(',')
      .map((address) => splitHostPort(address))
      .filter((address) => address !== undefined);
  }

  updateResolution(): void {
    this.destroyed = false;
    if (this.resolving || this.timer !== undefined) return;
    const waitMs = this.resolvedAtMs + RESOLVE_INTERVAL_MIN_MS - performance.now();
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        void this.resolve();
      },
      Math.max(0, waitMs),
    );
    this.timer.unref();
  }

  destroy(): void {
    this.destroyed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path.split(',')[0] ?? target.path;
  }

  private async resolve(): Promise<void> {
    this.resolving = true;
    const found = await Promise.allSettled(this.addresses.map(resolveAddress));
    this.resolving = false;
    this.resolvedAtMs = performance.now();
    if (this.destroyed) return;
    const endpoints = found
      .filter((result) => result.status === 'fulfilled')
      .flatMap((result) => result.value);
    this.listener(
      endpoints.length > 0
        ? experimental.statusOrFromValue(endpoints)
        : experimental.statusOrFromError({
            code: status.UNAVAILABLE,
            details: `none of ${this.target.path} resolves`,
            metadata: new Metadata(),
          }),
      {},
      null,
      '',
    );
  }
}

async function resolveAddress({ host, port }: HostPort): Promise<experimental.Endpoint[]> {
  if (isIP(host) !== 0) return [{ addresses: [{ host, port }] }];
  const records = await lookup(host, { all: true });
  return records.map(({ address }) => ({ addresses: [{ host: address, port }] }));
}

let registered = false;

/** Makes the scheme known to grpc-js; once is enough. */
export function registerAddressLists(): void {
  if (registered) return;
  registered = true;
  experimental.registerResolver(ADDRESS_LIST_SCHEME, AddressListResolver);
}
