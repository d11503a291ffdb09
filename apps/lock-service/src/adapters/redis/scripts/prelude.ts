import { type LockLimits } from '../../../domain/limits';

/** For how long a place in a queue is kept without a sign of life from the replica whose call waits there, in milliseconds. */
export const WAITER_LIVENESS_MS = 10_000;

/** For how long a call that was cancelled before its Acquire arrived is remembered, in milliseconds. */
const CANCELLED_RETENTION_MS = 60_000;

/** For how long the outcome of a wait without a request id can be read, in milliseconds: until and after its replica has read it. */
const OUTCOME_RETENTION_MS = 15_000;
const READ_OUTCOME_RETENTION_MS = 5_000;

/** What one script ends at most, so that no script takes long; every script and every heartbeat of a replica goes on with it. */
const DUE_WAITERS_PER_SCRIPT = 32;
const DUE_SESSIONS_PER_SCRIPT = 8;

/**
 * What every script begins with: the limits, the names of the keys, the time, sessions and tokens.
 *
 * Redis runs one script at a time, so that a script is to this backend what a log entry is to Raft's: all or nothing, in one order.
 *
 * Keys, each behind the prefix (KEYS[1]):
 * - `lock:<name>`: who holds it (hash). `names`: all held locks, for listing (sorted set without scores).
 * - `queue:<name>`: the attempts that wait, scored by arrival. `waiters`: all of them, scored by when they count as dead.
 * - `attempt:<id>`: one Acquire that waits or can still be asked for (hash).
 * - `session:<id>`: ttl and, for an implicit one, its lock (hash that expires with the session). `sessions`: all, scored by deadline: what
 *   remains to be done when the key has gone. `held:<id>`, `waiting:<id>`: its locks and its attempts.
 * - `request:<id>`: fingerprint and answer, or attempt, of a request id (hash that expires). `requests`: the finished ones by age.
 * - `token`: the newest token. `free`: the newest tokens of free locks. `floor`: the largest token of a name that was forgotten.
 * - `cancelled:<nonce>`: a call that was cancelled before its Acquire arrived. `order`: counts arrivals. `alive`: the newest heartbeat.
 */
export function prelude(limits: LockLimits): string {
  return String.raw`
local SESSIONS_MAX = ${limits.sessionsMax}
local LOCKS_MAX = ${limits.locksMax}
local LOCKS_PER_SESSION_MAX = ${limits.locksPerSessionMax}
local WAITERS_PER_LOCK_MAX = ${limits.waitersPerLockMax}
local WAITERS_MAX = ${limits.waitersMax}
local HOLD_COUNT_MAX = ${limits.holdCountMax}
local FREE_TOKENS_MAX = ${limits.freeLockTokensMax}
local REQUESTS_MAX = ${limits.finishedAttemptsMax}
local REQUEST_RETENTION_MS = ${limits.finishedAttemptRetentionMs}
local WAITER_LIVENESS_MS = ${WAITER_LIVENESS_MS}
local CANCELLED_RETENTION_MS = ${CANCELLED_RETENTION_MS}
local OUTCOME_RETENTION_MS = ${OUTCOME_RETENTION_MS}
local READ_OUTCOME_RETENTION_MS = ${READ_OUTCOME_RETENTION_MS}
local DUE_WAITERS_PER_SCRIPT = ${DUE_WAITERS_PER_SCRIPT}
local DUE_SESSIONS_PER_SCRIPT = ${DUE_SESSIONS_PER_SCRIPT}
${PRELUDE}`;
}

const PRELUDE = String.raw`
local P = KEYS[1]
local call = redis.call
local clock = call('TIME')
local nowMs = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- Lua's own way to write numbers loses digits above 10^14.
local function digits(number)
  return string.format('%.0f', number)
end

local function hashAt(key)
  local flat = call('HGETALL', key)
  if #flat == 0 then return nil end
  local fields = {}
  for at = 1, #flat, 2 do fields[flat[at]] = flat[at + 1] end
  return fields
end

local function rejected(reason, value)
  return { 'rejected', reason, '', '0', value or '0' }
end

local function limitReached(name, limit, value)
  return { 'rejected', 'limitReached', name, digits(limit), digits(value) }
end

-- Sessions

local function isOpen(sid)
  return call('EXISTS', P .. 'session:' .. sid) == 1
end

local function extendSession(sid, ttlMs)
  local deadlineMs = digits(nowMs + tonumber(ttlMs))
  call('PEXPIREAT', P .. 'session:' .. sid, deadlineMs)
  call('ZADD', P .. 'sessions', deadlineMs, sid)
end

local function openSession(sid, ttlMs, implicitLock)
  call('HSET', P .. 'session:' .. sid, 'ttl', ttlMs, 'lock', implicitLock)
  extendSession(sid, ttlMs)
end

-- Calls that wait may open a session when they are granted: counted in advance.
local function sessionsFull()
  local used = call('ZCARD', P .. 'sessions') + call('ZCARD', P .. 'waiters')
  if used >= SESSIONS_MAX then return limitReached('sessions', SESSIONS_MAX, used) end
  return nil
end

-- Tokens: one counter for all locks, because a counter for every name would be a key for every name for ever. It never goes back while
-- Redis keeps its data. It is also never behind the clock in microseconds, so that a Redis which has lost the counter goes on above it, if
-- its clock is right; a clock that is centuries ahead must not use the counter up.

local TOKEN_FROM_CLOCK_MAX = 2 ^ 52

local function nextToken()
  local newest = tonumber(call('GET', P .. 'token') or '0')
  local fromClock = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
  local token = digits(math.max(newest + 1, math.min(fromClock, TOKEN_FROM_CLOCK_MAX)))
  call('SET', P .. 'token', token)
  return token
end

local function freeToken(name)
  return call('ZSCORE', P .. 'free', name) or call('GET', P .. 'floor') or '0'
end

-- Beyond the limit the smallest tokens are forgotten; the floor stands for them.
local function rememberToken(name, token)
  call('ZADD', P .. 'free', token, name)
  local excess = call('ZCARD', P .. 'free') - FREE_TOKENS_MAX
  if excess <= 0 then return end
  local forgotten = call('ZPOPMIN', P .. 'free', excess)
  local largest = tonumber(forgotten[#forgotten])
  if largest > tonumber(call('GET', P .. 'floor') or '0') then call('SET', P .. 'floor', digits(largest)) end
end

-- Request ids

local function forgetRequest(id)
  call('DEL', P .. 'request:' .. id)
  call('ZREM', P .. 'requests', id)
end

-- Keeps what a request id got, with the other arguments as fields, and forgets the oldest ones beyond the limit.
local function rememberRequest(id, fingerprint, field, value)
  local key = P .. 'request:' .. id
  call('HSET', key, 'fingerprint', fingerprint, field, value)
  call('PEXPIRE', key, REQUEST_RETENTION_MS)
  call('ZADD', P .. 'requests', nowMs, id)
  local excess = call('ZCARD', P .. 'requests') - REQUESTS_MAX
  if excess <= 0 then return end
  local forgotten = call('ZPOPMIN', P .. 'requests', excess)
  for at = 1, #forgotten, 2 do
    local attempt = call('HGET', P .. 'request:' .. forgotten[at], 'attempt')
    if attempt then call('DEL', P .. 'attempt:' .. attempt) end
    call('DEL', P .. 'request:' .. forgotten[at])
  end
end

-- The first answer to a request id, a refusal when it was for something else, or nil.
local function replay(id, fingerprint)
  if id == '' then return nil end
  local kept = hashAt(P .. 'request:' .. id)
  if not kept then return nil end
  if kept.fingerprint ~= fingerprint or not kept.reply then return rejected('requestIdReused') end
  return cjson.decode(kept.reply)
end

local function answered(id, fingerprint, reply)
  if id ~= '' then rememberRequest(id, fingerprint, 'reply', cjson.encode(reply)) end
  return reply
end
`;
