/** The other scripts; each comes after the prelude and the rules. */

/** id, ttl, request id, fingerprint → opened, id, ttl | rejected */
export const OPEN_SESSION = String.raw`
local sid, ttl, request, fingerprint = unpack(ARGV)
local before = replay(request, fingerprint)
if before then return before end
local refusal = sessionsFull()
if refusal then return answered(request, fingerprint, refusal) end
openSession(sid, ttl, '')
return answered(request, fingerprint, { 'opened', sid, ttl })
`;

/** ids → for each the ttl that starts again, or 0 when the session is gone */
export const RENEW_SESSIONS = String.raw`
local ttls = {}
for at, sid in ipairs(ARGV) do
  local ttl = call('HGET', P .. 'session:' .. sid, 'ttl')
  if ttl then extendSession(sid, ttl) end
  ttls[at] = ttl or '0'
end
return ttls
`;

/** id, request id, fingerprint → closed, number of locks | rejected */
export const CLOSE_SESSION = String.raw`
local sid, request, fingerprint = unpack(ARGV)
local before = replay(request, fingerprint)
if before then return before end
if not isOpen(sid) then return answered(request, fingerprint, rejected('sessionNotFound')) end
return answered(request, fingerprint, { 'closed', digits(endSession(sid)) })
`;

/** name, session, owner ('' is the session), token (0 fits all), request id, fingerprint → released, hold count | rejected */
export const RELEASE = String.raw`
local name, sid, owner, token, request, fingerprint = unpack(ARGV)
local before = replay(request, fingerprint)
if before then return before end
if owner == '' then owner = sid end
if not isOpen(sid) then return answered(request, fingerprint, rejected('sessionNotFound')) end
local lock = settled(name)
if not lock or lock.sid ~= sid or lock.owner ~= owner then return answered(request, fingerprint, rejected('notHolder')) end
if token ~= '0' and token ~= lock.token then return answered(request, fingerprint, rejected('tokenMismatch', lock.token)) end
return answered(request, fingerprint, { 'released', releaseOnce(lock) })
`;

/** name, request id, fingerprint → forceReleased and, if there was one, the holder | rejected */
export const FORCE_RELEASE = String.raw`
local name, request, fingerprint = unpack(ARGV)
local before = replay(request, fingerprint)
if before then return before end
local reply = { 'forceReleased' }
local lock = settled(name)
if lock then
  for _, text in ipairs(holderTexts(lock)) do reply[#reply + 1] = text end
  free(lock)
end
return answered(request, fingerprint, reply)
`;

/** Shows one lock with its first waiters. */
const SHOWN = String.raw`
local function shown(name, lock, waitersMax)
  local waiters = {}
  for _, id in ipairs(call('ZRANGE', P .. 'queue:' .. name, 0, waitersMax - 1)) do
    local attempt = waitersMax > 0 and hashAt(P .. 'attempt:' .. id)
    if attempt then
      local implicit = attempt.implicit ~= ''
      waiters[#waiters + 1] = {
        implicit and '' or attempt.sid,
        implicit and attempt.owner == attempt.sid and '' or attempt.owner,
        digits(math.max(0, nowMs - tonumber(attempt.at))),
        attempt.meta,
      }
    end
  end
  return { name, lock and lock.token or freeToken(name), lock and holderTexts(lock) or {}, waiters }
end
`;

/** name, how many waiters → name, newest token, holder or nothing, waiters */
export const SHOW_LOCK = String.raw`
${SHOWN}
return shown(ARGV[1], settled(ARGV[1]), tonumber(ARGV[2]))
`;

/** from and to as in ZRANGEBYLEX, how many locks, how many waiters of one lock, of all → the last name looked at or '', locks as SHOW_LOCK */
export const LIST_LOCKS = String.raw`
${SHOWN}
local from, to, count, waitersMax, waitersLeft = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local names = call('ZRANGEBYLEX', P .. 'names', from, to, 'LIMIT', 0, count)
local reply = { #names == tonumber(count) and names[#names] or '' }
for _, name in ipairs(names) do
  local lock = settled(name)
  if lock then
    local entry = shown(name, lock, math.min(waitersMax, waitersLeft))
    waitersLeft = waitersLeft - #entry[4]
    reply[#reply + 1] = entry
  end
end
return reply
`;

/** name → newest token, 1 or 0 for whether its grant holds the lock now */
export const CURRENT_TOKEN = String.raw`
local lock = settled(ARGV[1])
return { lock and lock.token or freeToken(ARGV[1]), lock and '1' or '0' }
`;

/** → numbers of sessions, locks and waiters, and milliseconds until the next session ends, or '' */
export const BEAT = String.raw`
-- A write in any case: a Redis that refuses writes must not seem well.
call('SET', P .. 'alive', nowMs)
expire(500, 50)
call('ZREMRANGEBYSCORE', P .. 'requests', '-inf', nowMs - REQUEST_RETENTION_MS)
local nextDeadline = call('ZRANGE', P .. 'sessions', 0, 0, 'WITHSCORES')[2]
return {
  digits(call('ZCARD', P .. 'sessions')),
  digits(call('ZCARD', P .. 'names')),
  digits(call('ZCARD', P .. 'waiters')),
  nextDeadline and digits(math.max(0, tonumber(nextDeadline) - nowMs)) or '',
}
`;
