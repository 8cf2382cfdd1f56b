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

-- Begins the periods that the stored ones (day, week, month as strings) are not.
local function roll(record, stored_day, stored_week, stored_month, day)
  if tonumber(stored_day) == day then
    return
  end
  redis.call('HSET', record, 'day', day, 'day_usage', 0, 'day_archived', 0)
  local week = week_of(day)
  if tonumber(stored_week) ~= week then
    redis.call('HSET', record, 'week', week, 'week_usage', 0, 'week_archived', 0)
  end
  local month = month_of(day)
  if tonumber(stored_month) ~= month then
    redis.call('HSET', record, 'month', month, 'month_usage', 0, 'month_archived', 0)
  end
end

-- Gives what a hold has taken back (`amount` is '0' when there is no hold) and adds `cost` to the sums of all time and
-- of the running periods. A removed key has no record any more: its spend stands in its workspace's alone.
local function charge(record, amount, cost, seconds)
  local stored = redis.call('HMGET', record, 'held', 'day', 'week', 'month')
  if not stored[1] then
    return
  end
  if amount ~= '0' then
    redis.call('HINCRBY', record, 'held', '-' .. amount)
  end
  roll(record, stored[2], stored[3], stored[4], day_of(seconds))
  if cost ~= '0' then
    redis.call('HINCRBY', record, 'usage', cost)
    redis.call('HINCRBY', record, 'day_usage', cost)
    redis.call('HINCRBY', record, 'week_usage', cost)
    redis.call('HINCRBY', record, 'month_usage', cost)
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
