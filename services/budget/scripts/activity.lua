-- What was asked and what it cost, beside the ledger's own sums. Needs periods.lua.
--
--   <prefix>records            stream  one entry for each request, its field `r` a serialized ActivityRecord
--   <prefix>hour:<number>      hash    sums of an hour, by `<key hash>|<model>|<provider>|<status>`
--   <prefix>day:<number>       hash    the same of a day
--   <prefix>sessions           zset    digests of sessions by the time of their last request, Unix ms
--   <prefix>session:<digest>   hash    `i` session id, `k` key hash, `f` first request, Unix ms; sums and parent of each
--                                      agent: `s<agent>`, `p<agent>`
--
-- Sums are packed by cmsgpack, in the order of ActivitySums: one command reads them all, and one writes them.
-- Of one session; what other agents do counts as the main one's.
local MOST_AGENTS = 256

-- `activity` are those arguments of a script that say what to write (append_activity() in activity_writes.cc).
local function read_activity(first)
  return {record = ARGV[first], field = ARGV[first + 1], sums = ARGV[first + 2], session = ARGV[first + 3],
    agent = ARGV[first + 4], session_id = ARGV[first + 5], parent = ARGV[first + 6]}
end

-- Adds packed sums to a field; `sign` is 1 or -1. True when there was nothing before. Written out, because a loop over
-- tables takes twice the time.
local function add_sums(key, field, sums, sign)
  local stored = redis.call('HGET', key, field)
  if not stored then
    if sign == 1 then
      redis.call('HSET', key, field, sums)
    end
    return true
  end
  local a, b, c, d, e, f, g, h, i, j, k = cmsgpack.unpack(stored)
  local a2, b2, c2, d2, e2, f2, g2, h2, i2, j2, k2 = cmsgpack.unpack(sums)
  redis.call('HSET', key, field, cmsgpack.pack(a + sign * a2, b + sign * b2, c + sign * c2, d + sign * d2, e + sign * e2,
    f + sign * f2, g + sign * g2, h + sign * h2, i + sign * i2, j + sign * j2, k + sign * k2))
  return false
end

-- Adds to the sums of the hour and of the day that `seconds` lies in, and of the session. `keep` has for how many
-- seconds the former stay.
local function add_activity(prefix, activity, hash, seconds, now_ms, sign, keep)
  local hour = prefix .. 'hour:' .. floor(seconds / 3600)
  if add_sums(hour, activity.field, activity.sums, sign) then
    redis.call('EXPIRE', hour, keep.hourly)
  end
  local day = prefix .. 'day:' .. day_of(seconds)
  if add_sums(day, activity.field, activity.sums, sign) then
    redis.call('EXPIRE', day, keep.daily)
  end
  if activity.session == '' then
    return
  end
  local session, agent = prefix .. 'session:' .. activity.session, activity.agent
  if sign == 1 then
    redis.call('ZADD', prefix .. 'sessions', now_ms, activity.session)
  end
  if agent ~= '' and redis.call('HEXISTS', session, 's' .. agent) == 0 and
    redis.call('HLEN', session) >= 2 * MOST_AGENTS then
    agent = ''
  end
  if add_sums(session, 's' .. agent, activity.sums, sign) and sign == 1 then
    if redis.call('HSETNX', session, 'k', hash) == 1 then
      redis.call('HSET', session, 'i', activity.session_id, 'f', now_ms)
    end
    if activity.parent ~= '' then
      redis.call('HSETNX', session, 'p' .. agent, activity.parent)
    end
  end
end

-- Writes the record of one request and adds it to all sums; the id of its entry.
local function write_activity(prefix, activity, hash, seconds, now_ms, keep)
  add_activity(prefix, activity, hash, seconds, now_ms, 1, keep)
  return redis.call('XADD', prefix .. 'records', 'MAXLEN', '~', keep.records, '*', 'r', activity.record)
end

-- What stays for how long, from three arguments on: entries of the stream, seconds of an hour's sums and of a day's.
local function read_keep(first)
  return {records = ARGV[first], hourly = ARGV[first + 1], daily = ARGV[first + 2]}
end
