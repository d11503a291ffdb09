/** The scripts of an Acquire's life; each comes after the prelude and the rules. */

/**
 * name, session ('' opens one), owner ('' is the session), ttl, 1 or 0 for whether it waits, request id, fingerprint, nonce, metadata,
 * channel → acquired | waiting | notAcquired | rejected | gone
 */
export const ACQUIRE = String.raw`
local name, sid, owner, ttl, waits, request, fingerprint, nonce, meta, channel = unpack(ARGV)

local function takeOver(attempt)
  local state = attempt.state
  if state == 'waiting' then
    local formerCall = { channel = attempt.channel, nonce = attempt.nonce }
    call('HSET', P .. 'attempt:' .. attempt.id, 'nonce', nonce, 'channel', channel)
    attempt.nonce = nonce
    wake(formerCall)
    if waits == '0' then
      local position = positionOf(attempt)
      leaveQueue(attempt)
      finish(attempt, 'notAcquired', '0', '0', position)
      return notAcquired(position, settled(name))
    end
    keepAliveWaiter(attempt.id)
    return { 'waiting', attempt.id }
  end
  local lock = settled(name)
  if state == 'granted' then
    if not lock or lock.token ~= attempt.token then return rejected('grantEnded', attempt.token) end
    -- Either call may have told its caller by now, so neither may give the lock back by being cancelled.
    forgetGrant(lock, attempt.id)
    return { 'acquired', attempt.id, attempt.sid, attempt.token, attempt.count }
  end
  if state == 'notAcquired' then return notAcquired(attempt.position, lock) end
  return rejected('sessionEnded')
end

-- What would grow beyond its limit, or nil.
local function full(attempt, lock, reentrant)
  if reentrant then
    local holds = tonumber(lock.count)
    if holds >= HOLD_COUNT_MAX then return limitReached('hold_count', HOLD_COUNT_MAX, holds) end
    return nil
  end
  if lock then
    local queued = call('ZCARD', P .. 'queue:' .. name)
    if queued >= WAITERS_PER_LOCK_MAX then return limitReached('waiters_per_lock', WAITERS_PER_LOCK_MAX, queued) end
    local waiting = call('ZCARD', P .. 'waiters')
    if waiting >= WAITERS_MAX then return limitReached('waiters', WAITERS_MAX, waiting) end
  else
    local held = call('ZCARD', P .. 'names')
    if held >= LOCKS_MAX then return limitReached('locks', LOCKS_MAX, held) end
  end
  if attempt.implicit ~= '' then return sessionsFull() end
  local used = call('SCARD', P .. 'held:' .. sid) + call('SCARD', P .. 'waiting:' .. sid)
  if used >= LOCKS_PER_SESSION_MAX then return limitReached('locks_per_session', LOCKS_PER_SESSION_MAX, used) end
  return nil
end

-- The cancellation was faster than the call that it cancels.
if call('EXISTS', P .. 'cancelled:' .. nonce) == 1 then return { 'gone' } end

local kept = request ~= '' and hashAt(P .. 'request:' .. request)
if kept then
  if kept.fingerprint ~= fingerprint or not kept.attempt then return rejected('requestIdReused') end
  local earlier = hashAt(P .. 'attempt:' .. kept.attempt)
  if earlier then return takeOver(earlier) end
  forgetRequest(request)
end

local implicit = sid == '' and '1' or ''
if implicit == '' and not isOpen(sid) then return rejected('sessionNotFound') end
if implicit ~= '' then sid = nonce end
if owner == '' then owner = sid end
local attempt = { id = nonce, name = name, nonce = nonce, sid = sid, implicit = implicit, ttl = ttl, owner = owner, meta = meta,
  channel = channel, request = request, fingerprint = fingerprint }

local lock = settled(name)
local reentrant = lock and lock.sid == sid and lock.owner == owner
local refused = lock and not reentrant
if not (refused and waits == '0') then
  local refusal = full(attempt, lock, reentrant)
  if refusal then return refusal end
end
if refused and waits == '1' then
  enqueue(attempt)
  return { 'waiting', attempt.id }
end
if refused then
  if request ~= '' then finish(attempt, 'notAcquired', '0', '0', '0') end
  return notAcquired('0', lock)
end
local token, count
if reentrant then
  token, count = lock.token, holdAgain(lock, attempt)
else
  token, count = hold(attempt), '1'
end
if request ~= '' then finish(attempt, 'granted', token, count, '0') end
return { 'acquired', attempt.id, sid, token, count }
`;

/** How an attempt stands for the call with a nonce; a sign of life while it waits. */
const STANDING = String.raw`
local function standing(id, nonce)
  local key = P .. 'attempt:' .. id
  local attempt = hashAt(key)
  if not attempt then return { 'gone' } end
  if attempt.nonce ~= nonce then return { 'superseded' } end
  local lock = settled(attempt.name)
  -- Settling may have granted it.
  if attempt.state == 'waiting' then attempt = hashAt(key) or { state = 'gone' } end
  local state = attempt.state
  if state == 'gone' then return { 'gone' } end
  if state == 'waiting' then
    keepAliveWaiter(id)
    return { 'waiting', id }
  end
  if state == 'sessionEnded' then return rejected('sessionEnded') end
  if state == 'notAcquired' then return notAcquired(attempt.position, lock) end
  -- It may have been taken away in the same breath; a caller is never told of a lock that it does not hold.
  if not lock or lock.token ~= attempt.token then return rejected('grantEnded', attempt.token) end
  if attempt.request == '' then call('PEXPIRE', key, READ_OUTCOME_RETENTION_MS) end
  return { 'acquired', id, attempt.sid, attempt.token, attempt.count }
end
`;

/** attempt and nonce, again and again → for each of them acquired | waiting | notAcquired | rejected | superseded | gone */
export const INSPECT = String.raw`
${STANDING}
local replies = {}
for at = 1, #ARGV, 2 do replies[#replies + 1] = standing(ARGV[at], ARGV[at + 1]) end
return replies
`;

/** attempt, nonce → as INSPECT, but what still waits gives its place up: notAcquired */
export const GIVE_UP = String.raw`
${STANDING}
local reply = standing(ARGV[1], ARGV[2])
if reply[1] ~= 'waiting' then return reply end
local attempt = hashAt(P .. 'attempt:' .. ARGV[1])
local position = positionOf(attempt)
leaveQueue(attempt)
finish(attempt, 'notAcquired', '0', '0', position)
return notAcquired(position, settled(attempt.name))
`;

/**
 * name, attempt ('' when the call never learned it), nonce, request id → gaveBack (1 or 0), queue position that was given up.
 *
 * Takes the attempt of one call back, waiting or granted. A second time finds nothing; no effect once another call has taken it over.
 */
export const CANCEL = String.raw`
local name, id, nonce, request = unpack(ARGV)
if id == '' then id = nonce end
local attempt = hashAt(P .. 'attempt:' .. id)
if not attempt and request ~= '' then
  local known = call('HGET', P .. 'request:' .. request, 'attempt')
  attempt = known and hashAt(P .. 'attempt:' .. known)
end
if attempt and attempt.state == 'waiting' then
  if attempt.nonce ~= nonce then return { '0', '0' } end
  local position = positionOf(attempt)
  leaveQueue(attempt)
  discard(attempt)
  return { '0', position }
end
local lock = settled(name)
for _, grant in ipairs(lock and grantsOf(lock) or {}) do
  if grant.nonce == nonce then
    forgetGrant(lock, grant.id)
    local granted = hashAt(P .. 'attempt:' .. grant.id)
    if granted then discard(granted) end
    releaseOnce(lock)
    return { '1', '0' }
  end
end
-- The Acquire may still be on its way, over a connection that was lost.
call('SET', P .. 'cancelled:' .. nonce, '1', 'PX', CANCELLED_RETENTION_MS)
return { '0', '0' }
`;
