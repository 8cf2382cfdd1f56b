-- The counters that keys and workspaces have in common. Needs periods.lua.

-- The day by which a workspace counts, and every key in it: a clock that has gone back a little (another replica took
-- over) does not begin a day again, one that was days ahead is not believed any longer.
local function counting_seconds(workspace_day, seconds)
  local stored = tonumber(workspace_day or 0)
  local ahead = stored - day_of(seconds)
  if ahead == 1 then
    return stored * 86400
  end
  return seconds
end

-- What charge() goes by, in this order; false when there is no such record (any more).
local function read_counters(record)
  local stored = redis.call('HMGET', record, 'held', 'usage', 'day', 'day_usage', 'week', 'week_usage', 'month',
    'month_usage')
  return stored[1] and stored
end

-- Sums above are counted by HINCRBY: doubles end at 2^53.
local EXACT = 9007199254740992

-- Gives what a hold has taken back (`amount` is '0' when there is no hold) and adds `cost` to the sums of all time and
-- of the running periods, beginning those that the stored ones are not. `stored` is what read_counters() has returned.
-- A removed key has no record any more: its spend stands in its workspace's alone.
local function charge(record, stored, amount, cost, seconds)
  if not stored then
    return
  end
  local day = day_of(seconds)
  if tonumber(stored[3]) ~= day then
    redis.call('HSET', record, 'day', day, 'day_usage', 0, 'day_archived', 0)
    stored[4] = 0
    local week = week_of(day)
    if tonumber(stored[5]) ~= week then
      redis.call('HSET', record, 'week', week, 'week_usage', 0, 'week_archived', 0)
      stored[6] = 0
    end
    local month = month_of(day)
    if tonumber(stored[7]) ~= month then
      redis.call('HSET', record, 'month', month, 'month_usage', 0, 'month_archived', 0)
      stored[8] = 0
    end
  end
  local usage = stored[2] + cost
  if usage < EXACT then
    -- One command instead of five.
    redis.call('HSET', record, 'held', stored[1] - amount, 'usage', usage, 'day_usage', stored[4] + cost, 'week_usage',
      stored[6] + cost, 'month_usage', stored[8] + cost)
    return
  end
  if amount ~= '0' then
    redis.call('HINCRBY', record, 'held', '-' .. amount)
  end
  for _, sum in ipairs({'usage', 'day_usage', 'week_usage', 'month_usage'}) do
    redis.call('HINCRBY', record, sum, cost)
  end
end

-- Adds `delta` (it may be negative) to fields `usage`, `day_usage`, ... or `archived`, `day_archived`, ... as if it had
-- been charged at `seconds`: periods that have passed since then are not touched.
local function correct(record, what, delta, seconds)
  local stored = redis.call('HMGET', record, 'held', 'day', 'week', 'month')
  if not stored[1] then
    return
  end
  local day = day_of(seconds)
  redis.call('HINCRBY', record, what, delta)
  if tonumber(stored[2]) == day then
    redis.call('HINCRBY', record, 'day_' .. what, delta)
  end
  if tonumber(stored[3]) == week_of(day) then
    redis.call('HINCRBY', record, 'week_' .. what, delta)
  end
  if tonumber(stored[4]) == month_of(day) then
    redis.call('HINCRBY', record, 'month_' .. what, delta)
  end
end

-- A new record with all counters at zero. What every reserve reads stands first: small hashes are searched from the
-- front.
local function create_record(record, seconds)
  local day = day_of(seconds)
  redis.call('HSET', record, 'held', 0, 'usage', 0, 'day', day, 'day_usage', 0, 'week', week_of(day), 'week_usage', 0,
    'month', month_of(day), 'month_usage', 0, 'archived', 0, 'day_archived', 0, 'week_archived', 0,
    'month_archived', 0)
end

-- Spend and limits as the services show them: held, usage, usage of the running day, week and month, limits, and the
-- ends of the three periods in Unix seconds.
local function append_spend(view, record, seconds)
  local stored = redis.call('HMGET', record, 'held', 'usage', 'day', 'day_usage', 'week', 'week_usage', 'month',
    'month_usage', 'limits')
  local day = day_of(seconds)
  local function running(number, usage, now)
    return tonumber(number or -1) == now and usage or '0'
  end
  local n = #view
  view[n + 1] = stored[1] or '0'
  view[n + 2] = stored[2] or '0'
  view[n + 3] = running(stored[3], stored[4], day)
  view[n + 4] = running(stored[5], stored[6], week_of(day))
  view[n + 5] = running(stored[7], stored[8], month_of(day))
  view[n + 6] = stored[9] or ''
  view[n + 7] = period_end(DAILY, seconds)
  view[n + 8] = period_end(WEEKLY, seconds)
  view[n + 9] = period_end(MONTHLY, seconds)
end
