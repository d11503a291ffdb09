/**
 * The rules of holding and waiting, after the prelude: the same as LockTable's, with the same names.
 *
 * Invariants, after every script:
 * - A lock has one holder. It counts as free as soon as its holder's session key has expired, whether or not anybody has noticed yet:
 *   every script that looks at a lock hands it over first (settled).
 * - Waiters are granted in the order in which they came. One whose session has ended, or whose replica has given no sign of life for too
 *   long, is never granted.
 * - A published nonce says: the attempt of that call has changed. Nothing depends on its arrival; replicas also ask.
 */
export const HOLDING = String.raw`
local function positionOf(attempt)
  local rank = call('ZRANK', P .. 'queue:' .. attempt.name, attempt.id)
  return rank and digits(rank + 1) or '0'
end

local function keepAliveWaiter(id)
  call('ZADD', P .. 'waiters', digits(nowMs + WAITER_LIVENESS_MS), id)
end

local function enqueue(attempt)
  call('HSET', P .. 'attempt:' .. attempt.id, 'id', attempt.id, 'name', attempt.name, 'nonce', attempt.nonce, 'sid', attempt.sid,
    'implicit', attempt.implicit, 'ttl', attempt.ttl, 'owner', attempt.owner, 'meta', attempt.meta, 'at', nowMs,
    'channel', attempt.channel, 'request', attempt.request, 'fingerprint', attempt.fingerprint, 'state', 'waiting')
  call('ZADD', P .. 'queue:' .. attempt.name, call('INCR', P .. 'order'), attempt.id)
  keepAliveWaiter(attempt.id)
  if attempt.implicit == '' then call('SADD', P .. 'waiting:' .. attempt.sid, attempt.id) end
  if attempt.request ~= '' then
    call('HSET', P .. 'request:' .. attempt.request, 'fingerprint', attempt.fingerprint, 'attempt', attempt.id)
  end
end

local function leaveQueue(attempt)
  call('ZREM', P .. 'queue:' .. attempt.name, attempt.id)
  call('ZREM', P .. 'waiters', attempt.id)
  if attempt.implicit == '' then call('SREM', P .. 'waiting:' .. attempt.sid, attempt.id) end
end

-- Keeps what became of an attempt for as long as somebody may ask.
local function finish(attempt, state, token, count, position)
  local key = P .. 'attempt:' .. attempt.id
  call('HSET', key, 'id', attempt.id, 'name', attempt.name, 'nonce', attempt.nonce, 'sid', attempt.sid, 'request', attempt.request,
    'fingerprint', attempt.fingerprint, 'state', state, 'token', token, 'count', count, 'position', position)
  call('HDEL', key, 'meta')
  if attempt.request == '' then
    call('PEXPIRE', key, OUTCOME_RETENTION_MS)
  else
    call('PEXPIRE', key, REQUEST_RETENTION_MS)
    rememberRequest(attempt.request, attempt.fingerprint, 'attempt', attempt.id)
  end
end

-- Leaves nothing of an attempt; its request id starts afresh.
local function discard(attempt)
  call('DEL', P .. 'attempt:' .. attempt.id)
  if attempt.request ~= '' then forgetRequest(attempt.request) end
end

local function wake(attempt)
  call('PUBLISH', attempt.channel, attempt.nonce)
end

-- Makes an attempt that is in no queue the holder of a lock that has none.
local function hold(attempt)
  local name = attempt.name
  if attempt.implicit ~= '' then openSession(attempt.sid, attempt.ttl, name) end
  local token = nextToken()
  call('DEL', P .. 'lock:' .. name)
  call('HSET', P .. 'lock:' .. name, 'name', name, 'sid', attempt.sid, 'owner', attempt.owner, 'token', token, 'count', '1', 'at', nowMs,
    'meta', attempt.meta, 'grants', attempt.id .. ':' .. attempt.nonce)
  call('ZREM', P .. 'free', name)
  call('ZADD', P .. 'names', 0, name)
  call('SADD', P .. 'held:' .. attempt.sid, name)
  return token
end

-- The newest grants of a hold, as attempt:nonce, oldest first: what a cancellation can still give back.
local GRANTS_MAX = 16

local function grantsOf(lock)
  local grants = {}
  for id, nonce in string.gmatch(lock.grants, '([^ :]+):([^ ]+)') do grants[#grants + 1] = { id = id, nonce = nonce } end
  return grants
end

local function saveGrants(lock, grants)
  local words = {}
  for at = math.max(1, #grants - GRANTS_MAX + 1), #grants do words[#words + 1] = grants[at].id .. ':' .. grants[at].nonce end
  lock.grants = table.concat(words, ' ')
  call('HSET', P .. 'lock:' .. lock.name, 'grants', lock.grants)
end

local function forgetGrant(lock, id)
  local kept = {}
  for _, grant in ipairs(grantsOf(lock)) do
    if grant.id ~= id then kept[#kept + 1] = grant end
  end
  saveGrants(lock, kept)
end

-- Reentrant acquisition: the same token, one more hold.
local function holdAgain(lock, attempt)
  lock.count = digits(tonumber(lock.count) + 1)
  call('HSET', P .. 'lock:' .. lock.name, 'count', lock.count)
  local grants = grantsOf(lock)
  grants[#grants + 1] = attempt
  saveGrants(lock, grants)
  return lock.count
end

-- A session's attempts in the order in which they came.
local function waitingIn(sid)
  local attempts = {}
  for _, id in ipairs(call('SMEMBERS', P .. 'waiting:' .. sid)) do
    local attempt = hashAt(P .. 'attempt:' .. id)
    if attempt then
      attempt.order = tonumber(call('ZSCORE', P .. 'queue:' .. attempt.name, id) or '0')
      attempts[#attempts + 1] = attempt
    else
      call('SREM', P .. 'waiting:' .. sid, id)
    end
  end
  table.sort(attempts, function(one, other) return one.order < other.order end)
  return attempts
end

-- The new holder may wait for its own lock in further calls: those are acquisitions by the holder, which never wait.
local function admitSameOwner(granted)
  if granted.implicit ~= '' then return end
  for _, attempt in ipairs(waitingIn(granted.sid)) do
    if attempt.name == granted.name and attempt.owner == granted.owner then
      leaveQueue(attempt)
      local lock = hashAt(P .. 'lock:' .. granted.name)
      finish(attempt, 'granted', lock.token, holdAgain(lock, attempt), '0')
      wake(attempt)
    end
  end
end

-- Gives a lock that has lost its holder to the next waiter, or frees it.
local function handOver(name, lastToken)
  local queue = P .. 'queue:' .. name
  while true do
    local id = call('ZRANGE', queue, 0, 0)[1]
    if not id then
      call('DEL', P .. 'lock:' .. name)
      call('ZREM', P .. 'names', name)
      rememberToken(name, lastToken)
      return
    end
    local attempt = hashAt(P .. 'attempt:' .. id)
    local liveUntilMs = tonumber(call('ZSCORE', P .. 'waiters', id) or '0')
    if not attempt then
      call('ZREM', queue, id)
      call('ZREM', P .. 'waiters', id)
    else
      leaveQueue(attempt)
      if liveUntilMs <= nowMs then
        discard(attempt)
        wake(attempt)
      elseif attempt.implicit == '' and not isOpen(attempt.sid) then
        finish(attempt, 'sessionEnded', '0', '0', '0')
        wake(attempt)
      else
        finish(attempt, 'granted', hold(attempt), '1', '0')
        wake(attempt)
        admitSameOwner(attempt)
        return
      end
    end
  end
end

-- Ends a session, open or expired. Yields how many locks it held.
local function endSession(sid)
  call('DEL', P .. 'session:' .. sid)
  call('ZREM', P .. 'sessions', sid)
  for _, attempt in ipairs(waitingIn(sid)) do
    leaveQueue(attempt)
    finish(attempt, 'sessionEnded', '0', '0', '0')
    wake(attempt)
  end
  local names = call('SMEMBERS', P .. 'held:' .. sid)
  table.sort(names)
  call('DEL', P .. 'held:' .. sid)
  local released = 0
  for _, name in ipairs(names) do
    local lock = hashAt(P .. 'lock:' .. name)
    if lock and lock.sid == sid then
      released = released + 1
      handOver(name, lock.token)
    end
  end
  return released
end

-- A lock as it is now: one whose holder's session has expired has been handed over.
local function settled(name)
  local lock = hashAt(P .. 'lock:' .. name)
  if lock and not isOpen(lock.sid) then
    local former = lock.sid
    endSession(former)
    lock = hashAt(P .. 'lock:' .. name)
    if lock and lock.sid == former then
      handOver(name, lock.token)
      lock = hashAt(P .. 'lock:' .. name)
    end
  end
  return lock
end

-- Takes a lock from its holder; an implicit session ends with it.
local function free(lock)
  if call('HGET', P .. 'session:' .. lock.sid, 'lock') == lock.name then
    endSession(lock.sid)
  else
    call('SREM', P .. 'held:' .. lock.sid, lock.name)
    handOver(lock.name, lock.token)
  end
end

local function releaseOnce(lock)
  local count = tonumber(lock.count)
  if count > 1 then
    call('HSET', P .. 'lock:' .. lock.name, 'count', digits(count - 1))
    return digits(count - 1)
  end
  free(lock)
  return '0'
end

-- Ends what is over: waiters first, so that none of them gets a lock that the same moment frees.
local function expire(waitersMax, sessionsMax)
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'waiters', '-inf', nowMs, 'LIMIT', 0, waitersMax)) do
    local attempt = hashAt(P .. 'attempt:' .. id)
    call('ZREM', P .. 'waiters', id)
    if attempt then
      leaveQueue(attempt)
      discard(attempt)
      wake(attempt)
    end
  end
  for _, sid in ipairs(call('ZRANGEBYSCORE', P .. 'sessions', '-inf', '(' .. digits(nowMs), 'LIMIT', 0, sessionsMax)) do
    endSession(sid)
  end
end

-- How replies show a holder: flat texts, six and its metadata.
local function holderTexts(lock)
  local expiresInMs = math.max(0, call('PTTL', P .. 'session:' .. lock.sid))
  return { lock.sid, lock.owner, lock.token, lock.count, digits(math.max(0, nowMs - tonumber(lock.at))), digits(expiresInMs), lock.meta }
end

local function notAcquired(position, lock)
  local reply = { 'notAcquired', position }
  if lock then
    for _, text in ipairs(holderTexts(lock)) do reply[#reply + 1] = text end
  end
  return reply
end

expire(DUE_WAITERS_PER_SCRIPT, DUE_SESSIONS_PER_SCRIPT)
`;
