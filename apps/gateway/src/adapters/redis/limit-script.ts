import { createHash, hash } from 'node:crypto';
import { type CountedLimit } from '../../domain/limits/limit-settings';
import { quotaWindow } from '../../domain/limits/quota-window';
import { type LimitCharge, type SharedVerdict } from '../../proxy/limit-context';

/**
 * Counts a call against all limits or none, by Redis's own time, so that the clocks of gateways do not matter. Redis runs one script at a
 * time: what it lets through is counted before anybody else is looked at.
 *
 * A rate limit's value is the theoretical arrival time of GCRA in milliseconds, as in @raftway/resilience; a quota's is what was used of
 * its window. Each expires when it says nothing any more: when the burst is whole again, or with the window.
 *
 * KEYS: one per limit. ARGV, six per limit:
 * - 'rate', cost, milliseconds for a cost of 1, milliseconds of a whole burst, '', ''
 * - 'quota', cost, most of one window, and the ends of three windows: of the one before, of this one and of the next by the gateway's clock
 *
 * → place of the limit with the longest wait, or 0 when the call is let through; milliseconds to wait; cost that is left
 */
const text = String.raw`
local parts = redis.call('TIME')
local now = parts[1] * 1000 + parts[2] / 1000
local values, lives = {}, {}
local refusing, longest, left = 0, 0, 0
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 6
  local cost, a, b, c, d = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local before = tonumber(redis.call('GET', key) or '0')
  local wait, free
  if ARGV[at + 1] == 'rate' then
    local arrival = math.max(before, now)
    local after = arrival + cost * a
    wait = after - now - b
    free = math.floor((b - arrival + now) / a)
    values[i], lives[i] = string.format('%.3f', after), after - now
  else
    local ends = now < b and b or now < c and c or d
    local after = before + cost
    wait = after > a and ends - now or 0
    free = a - before
    values[i], lives[i] = string.format('%.0f', after), ends - now
  end
  -- Values are kept to a thousandth of a millisecond.
  if wait > math.max(0.001, longest) then refusing, longest, left = i, wait, math.max(0, free) end
end
if refusing == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, values[i], 'PX', string.format('%.0f', math.max(1, math.ceil(lives[i]))))
  end
end
return { refusing, string.format('%.3f', longest), string.format('%.0f', left) }
`;

/** The script, and what Redis calls it by. */
export const limitScript = { text, sha1: createHash('sha1').update(text).digest('hex') };

/** The key of one count: of which document and limit, and a digest, as keys are made of what clients send and may be secret. */
export function redisKey(prefix: string, { limit, key }: LimitCharge): string {
  const { owner, kind, name } = limit;
  const period = limit.kind === 'quota' ? `:${limit.period}` : '';
  return `${prefix}${kind}${period}:${owner.slice(owner.indexOf(' ') + 1)}/${name}:${key === undefined ? 'others' : keyDigest(key)}`;
}

/** A short text in the place of a long one: 132 bits of its SHA-256. */
export function keyDigest(key: string): string {
  return hash('sha256', key, 'base64url').slice(0, 22);
}

/** The six arguments of one limit. @param wallMs since 1970 */
export function scriptArguments({ limit, cost }: LimitCharge, wallMs: number): string[] {
  return [limit.kind, String(cost), ...argumentsOf(limit, wallMs).map(String)];
}

/** What the script has answered. @throws TypeError when it is nothing that it answers */
export function verdictOf(reply: unknown): SharedVerdict {
  const [place, waitMs, remaining] = Array.isArray(reply) ? (reply as unknown[]) : [];
  const index = Number(place) - 1;
  const retryAfterMs = Number(waitMs);
  if (!Number.isInteger(index) || !Number.isFinite(retryAfterMs))
    throw new TypeError('the script of limits has answered something else');
  return index < 0 ? 'allowed' : { index, remaining: Number(remaining), retryAfterMs };
}

function argumentsOf(limit: CountedLimit, wallMs: number): (number | '')[] {
  if (limit.kind === 'rate') {
    const intervalMs = limit.perMs / limit.requests;
    return [intervalMs, limit.burst * intervalMs, '', ''];
  }
  const { startMs, endMs } = quotaWindow(limit.period, wallMs);
  return [limit.requests, startMs, endMs, quotaWindow(limit.period, endMs).endMs];
}
