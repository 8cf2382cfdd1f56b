-- What settle and expire share. Needs periods.lua.

-- Adds `cost` to the sums of the running day, week and month, beginning those whose period has passed, and to the sum
-- of all time. A clock that went back (a replica took over) does not begin a period again. A removed key has no
-- record any more: its spend stands in the workspace's total alone.
local function charge(record, totals, cost, seconds)
  redis.call('HINCRBY', totals, 'usage', cost)
  local stored = redis.call('HMGET', record, 'day', 'week', 'month')
  if not stored[1] then
    return
  end
  local day = day_of(seconds)
  local week = week_of(day)
  local month = month_of(day)
  if tonumber(stored[1]) < day then
    redis.call('HSET', record, 'day', day, 'day_usage', 0)
    if tonumber(stored[2]) < week then
      redis.call('HSET', record, 'week', week, 'week_usage', 0)
    end
    if tonumber(stored[3]) < month then
      redis.call('HSET', record, 'month', month, 'month_usage', 0)
    end
  end
  redis.call('HINCRBY', record, 'usage', cost)
  redis.call('HINCRBY', record, 'day_usage', cost)
  redis.call('HINCRBY', record, 'week_usage', cost)
  redis.call('HINCRBY', record, 'month_usage', cost)
end

-- Removes the hold and gives its amount back to the key.
local function free_hold(record, hold, holds, generation, amount)
  redis.call('DEL', hold)
  redis.call('ZREM', holds, generation)
  local held = redis.call('HGET', record, 'held')
  if held and amount ~= '0' then
    if tonumber(held) > tonumber(amount) then
      redis.call('HINCRBY', record, 'held', '-' .. amount)
    else
      redis.call('HSET', record, 'held', 0)
    end
  end
end
