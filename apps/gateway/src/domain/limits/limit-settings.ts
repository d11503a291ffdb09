import { type CallPriority } from '@raftway/resilience';
import { MethodTable } from '../method-table';

/** What a key is made of. */
export const keyPartTypes = [
  'ClientAddress',
  'Service',
  'Method',
  'Header',
  'Claim',
  'ApiKey',
  'Principal',
] as const;

/** One part of a key; calls that have none of it have it empty. */
export interface KeyPart {
  readonly type: (typeof keyPartTypes)[number];
  /** Of the header, in lower case, or of the claim; '' for other types. */
  readonly name: string;
}

/** Windows of time that quotas are counted in, by UTC's calendar. */
export const quotaPeriods = ['hour', 'day', 'month'] as const;

/** One of {@link quotaPeriods}. */
export type QuotaPeriod = (typeof quotaPeriods)[number];

/** `local`: each gateway counts by itself. `shared`: all gateways with the same Redis count together. */
export const limitScopes = ['local', 'shared'] as const;

interface KeyedLimit {
  /** `kind namespace/name` of the document that sets it, and its name in that. */
  readonly id: string;
  /** `kind namespace/name` of the document. */
  readonly owner: string;
  readonly name: string;
  /** What is counted apart; none is one count for all calls. */
  readonly key: readonly KeyPart[];
  readonly scope: (typeof limitScopes)[number];
  /** What a call costs; 0 is not counted. */
  readonly cost: number;
  /** What calls of some methods cost, by `package.Service/Method` or `package.Service/*`. */
  readonly costs: Readonly<Record<string, number>>;
  /** Keys that are counted apart, in one gateway; all further ones share one count. */
  readonly keysMax: number;
}

/** So much in a time at an even rate, with bursts. */
export interface RateLimit extends KeyedLimit {
  readonly kind: 'rate';
  readonly requests: number;
  readonly perMs: number;
  /** Cost at once after a pause. */
  readonly burst: number;
}

/** So much in each window of time. */
export interface Quota extends KeyedLimit {
  readonly kind: 'quota';
  readonly requests: number;
  readonly period: QuotaPeriod;
}

/** What counts calls by key. */
export type CountedLimit = RateLimit | Quota;

/** Which calls of a target go first when not all can. */
export interface PriorityRules {
  /** Header with a priority's name, in lower case; undefined for none. */
  readonly header: string | undefined;
  /** By `package.Service/Method` or `package.Service/*`; counts before the header. */
  readonly methods: Readonly<Record<string, CallPriority>>;
  /** Of calls about which neither says anything. */
  readonly otherwise: CallPriority;
}

/** How many calls of one target may be under way. */
export interface ConcurrencySettings {
  readonly owner: string;
  /** Always so many, or as many as the backend is found to work on. */
  readonly limit:
    | { readonly type: 'fixed'; readonly max: number }
    | {
        readonly type: 'adaptive';
        readonly initial: number;
        readonly min: number;
        readonly max: number;
      };
  /** Calls of each priority that may wait. */
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
  /** Undefined when all calls are equal. */
  readonly priorities: PriorityRules | undefined;
}

/** What one TrafficPolicy says of limits. */
export interface PolicyLimits {
  readonly counted: readonly CountedLimit[];
  readonly concurrency: ConcurrencySettings | undefined;
}

/** The concurrency limit of one target. */
export interface TargetLimit {
  /** `kind namespace/name` of the target, with `/rule` behind it where it is one rule. */
  readonly target: string;
  readonly settings: ConcurrencySettings;
}

/** All limits of the calls of one rule. */
export interface RuleLimits {
  readonly counted: readonly CountedLimit[];
  readonly concurrency: TargetLimit | undefined;
}

/** Settings are plain data, which is compared as text; what they are looked up in is kept beside them. */
const tables = new WeakMap<object, MethodTable<unknown>>();

/** What is said of a method: by its own name, or else by all of its service's. @param values the same object for all calls */
export function ofMethod<Value>(
  values: Readonly<Record<string, Value>>,
  grpcService: string,
  method: string,
): Value | undefined {
  let table = tables.get(values) as MethodTable<Value> | undefined;
  if (table === undefined) tables.set(values, (table = new MethodTable(Object.entries(values))));
  return table.get(grpcService, method);
}

/** What a call of a method costs. */
export function costOf({ cost, costs }: CountedLimit, grpcService: string, method: string): number {
  return ofMethod(costs, grpcService, method) ?? cost;
}
