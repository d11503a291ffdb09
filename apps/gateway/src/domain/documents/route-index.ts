import { hostnamesFor } from './hostnames';
import { SharedMap } from './shared-map';

/** A header that a call must carry. */
export interface HeaderMatch {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

/** One way into a rule. */
export interface RouteEntry<Target> {
  /** A host name, a wildcard, or '' for any. */
  readonly hostname: string;
  /** '' for every gRPC service. */
  readonly grpcService: string;
  /** '' for every method. */
  readonly method: string;
  readonly headers: readonly HeaderMatch[];
  /** Of entries that are equally specific the one with the lesser text counts. */
  readonly order: string;
  readonly target: Target;
}

/** What a call is matched by. */
export interface CallFacts {
  /** Lower case, without port. */
  readonly host: string;
  readonly grpcService: string;
  readonly method: string;
  /** The first value of a header. */
  readonly header: (name: string) => string | undefined;
}

/** Kinds of calls whose entries are remembered, and the longest name of one. */
const foundMax = 1024;
const foundNameMax = 512;

/** Entries that differ in their headers only, the one that counts most first. */
type Bucket<Target> = RouteEntry<Target>[];

/** What was found for calls of one gRPC service, by method. */
type FoundOfService<Target> = Map<string, readonly RouteEntry<Target>[]>;

/** Entries of one host name by gRPC service and method. */
type HostEntries<Target> = ReadonlyMap<string, Bucket<Target>>;

/**
 * Finds the entry of a call by the Gateway API's precedence: the longest host name, exact ones before wildcards; the longest service; the
 * longest method; most headers; then `order`, then the order in which entries were given. Names match exactly, so each step is a look-up.
 */
export class RouteIndex<Target> {
  /** What was found for calls, by host and method: there are more calls than kinds of them. */
  private readonly found = new Map<string, Map<string, FoundOfService<Target>>>();
  private foundCount = 0;

  private constructor(private readonly hosts: SharedMap<HostEntries<Target>>) {}

  static of<Target>(entries: readonly RouteEntry<Target>[]): RouteIndex<Target> {
    const byHost = groupedByHost(entries);
    return new RouteIndex(SharedMap.of([...byHost].map(([host, own]) => [host, hostOf(own)])));
  }

  /** Whether nothing can be found in it. */
  get isEmpty(): boolean {
    return this.hosts.size === 0;
  }

  /** An index that differs in some entries, at the price of their host names. The same one when it does not. */
  changed(
    removed: readonly RouteEntry<Target>[],
    added: readonly RouteEntry<Target>[],
  ): RouteIndex<Target> {
    if (removed.length === 0 && added.length === 0) return this;
    const gone = new Set(removed);
    const more = groupedByHost(added);
    const hostnames = new Set([...removed, ...added].map((entry) => entry.hostname));
    const changes = [...hostnames].map((hostname) => {
      const before = [...(this.hosts.get(hostname)?.values() ?? [])].flat();
      const own = before.filter((entry) => !gone.has(entry)).concat(more.get(hostname) ?? []);
      return [hostname, own.length === 0 ? undefined : hostOf(own)] as const;
    });
    return new RouteIndex(this.hosts.changed(changes));
  }

  /** The entry that a call takes; undefined when none is for it. */
  find(call: CallFacts): RouteEntry<Target> | undefined {
    for (const entry of this.candidates(call))
      if (failedHeader(entry, call) === undefined) return entry;
    return undefined;
  }

  /** Every entry for the call's host and method, the one that counts most first, whatever headers they ask for. */
  candidates({ host, grpcService, method }: CallFacts): readonly RouteEntry<Target>[] {
    const known = this.found.get(host)?.get(grpcService)?.get(method);
    if (known !== undefined) return known;
    const candidates = this.search(host, grpcService, method);
    if (host.length + grpcService.length + method.length <= foundNameMax)
      this.remember(host, grpcService, method, candidates);
    return candidates;
  }

  private remember(
    host: string,
    grpcService: string,
    method: string,
    candidates: readonly RouteEntry<Target>[],
  ): void {
    // Clients choose hosts and methods. Starting over is cheap.
    if (this.foundCount >= foundMax) {
      this.found.clear();
      this.foundCount = 0;
    }
    this.foundCount += 1;
    const ofHost = this.found.get(host) ?? new Map<string, FoundOfService<Target>>();
    const ofService = ofHost.get(grpcService) ?? new Map<string, readonly RouteEntry<Target>[]>();
    ofService.set(method, candidates);
    ofHost.set(grpcService, ofService);
    this.found.set(host, ofHost);
  }

  private search(host: string, grpcService: string, method: string): RouteEntry<Target>[] {
    const names = [keyOf(grpcService, method), keyOf(grpcService, ''), keyOf('', method), '/'];
    return [...hostnamesFor(host)].flatMap((hostname) => {
      const entries = this.hosts.get(hostname);
      return entries === undefined ? [] : names.flatMap((name) => entries.get(name) ?? []);
    });
  }
}

/** The header of an entry that a call does not carry; undefined when it carries all. */
export function failedHeader(
  { headers }: RouteEntry<unknown>,
  { header }: CallFacts,
): HeaderMatch | undefined {
  return headers.find(({ name, value }) => header(name) !== value);
}

function groupedByHost<Target>(
  entries: readonly RouteEntry<Target>[],
): Map<string, RouteEntry<Target>[]> {
  const byHost = new Map<string, RouteEntry<Target>[]>();
  for (const entry of entries) {
    const own = byHost.get(entry.hostname);
    if (own === undefined) byHost.set(entry.hostname, [entry]);
    else own.push(entry);
  }
  return byHost;
}

function hostOf<Target>(entries: readonly RouteEntry<Target>[]): HostEntries<Target> {
  const host = new Map<string, Bucket<Target>>();
  for (const entry of entries) {
    const key = keyOf(entry.grpcService, entry.method);
    const bucket = host.get(key);
    if (bucket === undefined) host.set(key, [entry]);
    else bucket.push(entry);
  }
  for (const bucket of host.values()) if (bucket.length > 1) bucket.sort(bySpecificity);
  return host;
}

function bySpecificity(a: RouteEntry<unknown>, b: RouteEntry<unknown>): number {
  return (
    b.headers.length - a.headers.length || (a.order < b.order ? -1 : Number(a.order > b.order))
  );
}

function keyOf(grpcService: string, method: string): string {
  return `${grpcService}/${method}`;
}
