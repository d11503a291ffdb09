import { z } from 'zod';
import { formatDuration, parseDuration } from './duration';
import { joinHostPort, splitHostPort } from './host-port';

// Each option type takes what an environment variable holds (text) and what YAML makes of the same thing (a number, a list, a map).
// The rules are sentences that follow the option's name: "RAFTWAY_BIND must be …".

/** How an option reads to people: the type in tables and help, and how a default is written. */
export interface OptionTypeMeta {
  readonly optionType: string;
  /** Which values of the type are accepted, such as `1 to 64`. @default all of the type */
  readonly limits?: string;
  readonly format?: (value: never) => string;
}

function refuse(context: z.RefinementCtx, rule: string, value: unknown): never {
  context.addIssue({ code: 'custom', message: `must be ${rule}, got ${show(value)}` });
  return z.NEVER;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Any text of 1 to `lengthMax` characters. @param options.lengthMax default 256 */
export function text(options: { readonly lengthMax?: number } = {}) {
  const { lengthMax = 256 } = options;
  return z
    .unknown()
    .transform((value, context): string => {
      const given = typeof value === 'number' ? String(value) : value;
      const fits = typeof given === 'string' && given !== '' && given.length <= lengthMax;
      return fits ? given : refuse(context, `text of 1 to ${lengthMax} characters`, value);
    })
    .meta({ optionType: 'text', limits: `1 to ${lengthMax} characters` });
}

/** A time span such as `250ms`, `10s`, `5m`, `1h`, as milliseconds. End the option's name in Ms; its variable has no Ms. */
export function durationMs(
  options: {
    /** @default 0 */
    readonly minMs?: number;
    /** @default 24 h */
    readonly maxMs?: number;
  } = {},
) {
  const { minMs = 0, maxMs = 24 * 3_600_000 } = options;
  const limits = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const rule = `a duration from ${limits}, such as 250ms, 10s, 5m or 1h`;
  return z
    .unknown()
    .transform((value, context): number => {
      const parsed = typeof value === 'string' ? parseDuration(value) : undefined;
      const fits = parsed !== undefined && parsed >= minMs && parsed <= maxMs;
      return fits ? parsed : refuse(context, rule, value);
    })
    .meta({ optionType: 'duration', limits, format: formatDuration });
}

/** A whole number in a range. */
export function integer(options: { readonly min: number; readonly max: number }) {
  const { min, max } = options;
  return z
    .unknown()
    .transform((value, context): number => {
      const digits = typeof value === 'string' && /^-?\d+$/.test(value.trim());
      const parsed = digits ? Number(value) : value;
      const fits = Number.isInteger(parsed) && Number(parsed) >= min && Number(parsed) <= max;
      return fits ? Number(parsed) : refuse(context, `a whole number from ${min} to ${max}`, value);
    })
    .meta({ optionType: 'integer', limits: `${min} to ${max}` });
}

/** `true` or `false`. */
export function boolean() {
  return z
    .unknown()
    .transform((value, context): boolean => {
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      return refuse(context, 'true or false', value);
    })
    .meta({ optionType: 'true or false' });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z
    .unknown()
    .transform((value, context): Words[number] => {
      const word = words.find((candidate) => candidate === value);
      return word ?? refuse(context, `one of ${words.join(', ')}`, value);
    })
    .meta({ optionType: words.join(' | ') });
}

/** `host:port` or `[ipv6]:port`, as one text. Port 0 (any free one) is allowed. */
export function hostPort() {
  return z
    .unknown()
    .transform((value, context): string => {
      return normalizedHostPort(value) ?? refuse(context, 'host:port', value);
    })
    .meta({ optionType: 'host:port' });
}

/** A comma-separated list of `host:port`, without repetition. @param options.countMax default 32 */
export function hostPortList(options: { readonly countMax?: number } = {}) {
  const { countMax = 32 } = options;
  const rule = `1 to ${countMax} host:port separated by commas`;
  return list('host:port', countMax, rule, normalizedHostPort);
}

/** A comma-separated list of web origins such as `https://app.example.com`, as browsers write them, or `*` for any. @param options.countMax default 64 */
export function originList(options: { readonly countMax?: number } = {}) {
  const { countMax = 64 } = options;
  const rule = `1 to ${countMax} origins separated by commas, each https://host, http://host:port or *`;
  return list('origin', countMax, rule, (item) => {
    const origin = String(item).trim();
    return origin === '*' || isOrigin(origin) ? origin : undefined;
  });
}

/** @param read yields an item as it is kept; undefined for one that is not valid. */
function list(
  itemType: string,
  countMax: number,
  rule: string,
  read: (item: unknown) => string | undefined,
) {
  return z
    .unknown()
    .transform((value, context): readonly string[] => {
      const given = items(value).map(read);
      const valid = given.filter((item) => item !== undefined);
      const fits = valid.length === given.length && valid.length >= 1 && valid.length <= countMax;
      return fits ? [...new Set(valid)] : refuse(context, rule, value);
    })
    .meta({
      optionType: `${itemType},…`,
      limits: `1 to ${countMax}`,
      format: (valid: readonly string[]) => (valid.length === 0 ? 'none' : valid.join(',')),
    });
}

/** Addresses by node id, `1=host:port,2=host:port,…`, or a map in the file. @param options.countMax default 9 */
export function peers(options: { readonly countMax?: number } = {}) {
  const { countMax = 9 } = options;
  const rule = `1 to ${countMax} id=host:port separated by commas, each id and address once`;
  return z
    .unknown()
    .transform((value, context): ReadonlyMap<number, string> => {
      const members = new Map<number, string>();
      const pairs = peerPairs(value);
      for (const [idText, addressText] of pairs) {
        const id = /^[1-9]\d{0,8}$/.test(idText.trim()) ? Number(idText) : undefined;
        const address = normalizedHostPort(addressText);
        if (id === undefined || address === undefined) return refuse(context, rule, value);
        members.set(id, address);
      }
      const distinct = members.size === pairs.length;
      const addressesDistinct = new Set(members.values()).size === members.size;
      const fits = distinct && addressesDistinct && members.size >= 1 && members.size <= countMax;
      return fits ? members : refuse(context, rule, value);
    })
    .meta({
      optionType: 'id=host:port,…',
      limits: `1 to ${countMax}`,
      format: (members: ReadonlyMap<number, string>) =>
        [...members].map(([id, address]) => `${id}=${address}`).join(','),
    });
}

/** An ISO 8601 instant with its zone, such as `2025-01-01T00:00:00Z`, as a Date. */
export function isoDate() {
  const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
  return z
    .unknown()
    .transform((value, context): Date => {
      const date = typeof value === 'string' && shape.test(value) ? new Date(value) : undefined;
      const valid = date !== undefined && !Number.isNaN(date.getTime());
      return valid ? date : refuse(context, 'an ISO date such as 2025-01-01T00:00:00Z', value);
    })
    .meta({
      optionType: 'ISO date',
      format: (date: Date) => date.toISOString().replace('.000Z', 'Z'),
    });
}

function normalizedHostPort(value: unknown): string | undefined {
  const parts = typeof value === 'string' ? splitHostPort(value) : undefined;
  return parts === undefined ? undefined : joinHostPort(parts);
}

/** Browsers send an origin in one spelling: lower case, without a path, without the port that the scheme has anyway. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:[^*]*$/.test(text) && new URL(text).origin === text;
}

function items(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value !== 'string') return [value];
  return value.split(',').filter((item) => item.trim() !== '');
}

function peerPairs(value: unknown): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  return items(value).map((item) => {
    const [id = '', address] = String(item).split('=', 2);
    return [id, address];
  });
}
