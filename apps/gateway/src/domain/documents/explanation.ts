import { type CallFacts, failedHeader, type RouteEntry, type RouteIndex } from './route-index';

/** A rule that was looked at for a call. */
export interface Considered<Target> {
  readonly entry: RouteEntry<Target>;
  readonly taken: boolean;
  /** In words. */
  readonly why: string;
}

/** Rules that are told of one call. */
const consideredMax = 100;

/** The rules for a call's host and method in the order in which they count, until one takes it. */
export function explainMatch<Target>(
  index: RouteIndex<Target>,
  call: CallFacts,
): Considered<Target>[] {
  const considered: Considered<Target>[] = [];
  for (const entry of index.candidates(call)) {
    const failed = failedHeader(entry, call);
    const taken = failed === undefined;
    const why = taken ? whyTaken(entry) : whyNot(failed, call);
    // The one that is taken is told in any case.
    if (considered.length < consideredMax || taken) considered.push({ entry, taken, why });
    if (taken) break;
  }
  return considered;
}

function whyTaken({ hostname, grpcService, method, headers }: RouteEntry<unknown>): string {
  const parts = [
    hostname === '' ? 'any host' : `host ${hostname}`,
    grpcService === '' ? 'any service' : `service ${grpcService}`,
    method === '' ? 'any method' : `method ${method}`,
    ...headers.map(({ name, value }) => `header ${name}: ${value}`),
  ];
  return `the most specific that matches: ${parts.join(', ')}`;
}

function whyNot(failed: { name: string; value: string }, call: CallFacts): string {
  const actual = call.header(failed.name);
  const found = actual === undefined ? 'there is none' : `it is ${JSON.stringify(actual)}`;
  return `header ${failed.name} must be ${JSON.stringify(failed.value)}, and ${found}`;
}
