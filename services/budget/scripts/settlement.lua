-- What settle and expire share. Needs periods.lua.

-- Gives what a hold has taken back to the key (`amount` is '0' when there is no hold) and adds `cost` to the sums of
-- all time and of the running day, week and month, beginning those whose period has passed. A clock that went back (a
-- replica took over) does not begin a period again. A removed key has no record any more: its spend stands in the
-- workspace's total alone.
local function charge(record, totals, amount, cost, seconds)
  redis.call('HINCRBY', totals, 'usage', cost)
  local stored = redis.call('HMGET', record, 'held', 'day', 'week', 'month')
  if not stored[1] then
    return
  end
  if tonumber(stored[1]) < tonumber(amount) then
    redis.call('HSET', record, 'held', 0)
  elseif amount ~= '0' then
    redis.call('HINCRBY', record, 'held', '-' .. amount)
  end
  local day = day_of(seconds)
  local week = week_of(day)
  local month = month_of(day)
  if tonumber(stored[2]) < day then
    redis.call('HSET', record, 'day', day, 'day_usage', 0)
    if tonumber(stored[3]) < week then
      redis.call('HSET', record, 'week', week, 'week_usage', 0)
    end
    if tonumber(stored[4]) < month then
      redis.call('HSET', record, 'month', month, 'month_usage', 0)
    end
  end
  if cost ~= '0' then
    redis.call('HINCRBY', record, 'usage', cost)
    redis.call('HINCRBY', record, 'day_usage', cost)
    redis.call('HINCRBY', record, 'week_usage', cost)
    redis.call('HINCRBY', record, 'month_usage', cost)
  end
end
