-- include: periods
-- Admits a request and takes its hold.
-- KEYS: key record, hold, settled record, holds of the workspace
-- ARGV: generation id, key hash, amount, lease in ms
-- Returns {'ok'}, or {reason, details...}. A repeated call finds its own hold, whatever has become of the key's
-- limit, unless the key was removed.
local record, hold, settled, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local generation, hash, amount = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local now_ms = seconds * 1000 + floor(tonumber(time[2]) / 1000)
local lease_end = string.format('%.0f', now_ms + tonumber(ARGV[4]))

local key = redis.call('HMGET', record, 'held', 'limit', 'reset', 'disabled', 'expires')
local held, limit, reset = key[1], key[2], key[3]
if not held then
  return {'unknown'}
end

local existing = redis.call('HMGET', hold, 'key', 'amount')
if existing[1] then
  if existing[1] ~= hash or existing[2] ~= amount then
    return {'conflict'}
  end
  redis.call('ZADD', holds, lease_end, generation)
  return {'ok'}
end
if redis.call('EXISTS', settled) == 1 then
  return {'settled'}
end
if key[4] == '1' then
  return {'disabled', redis.call('HGET', record, 'name')}
end
if key[5] and tonumber(key[5]) <= now_ms then
  return {'expired', redis.call('HGET', record, 'name'), key[5]}
end

if limit then
  local spent
  if reset == DAILY then
    local sum = redis.call('HMGET', record, 'day', 'day_usage')
    spent = tonumber(sum[1]) >= day_of(seconds) and sum[2] or '0'
  elseif reset == WEEKLY then
    local sum = redis.call('HMGET', record, 'week', 'week_usage')
    spent = tonumber(sum[1]) >= week_of(day_of(seconds)) and sum[2] or '0'
  elseif reset == MONTHLY then
    local sum = redis.call('HMGET', record, 'month', 'month_usage')
    spent = tonumber(sum[1]) >= month_of(day_of(seconds)) and sum[2] or '0'
  else
    spent = redis.call('HGET', record, 'usage')
  end
  -- Differences of numbers up to 2^53 are exact, sums are not.
  if tonumber(limit) - tonumber(spent) - tonumber(held) < tonumber(amount) then
    return {'budget', redis.call('HGET', record, 'name'), limit, spent, held, reset, period_end(reset, seconds) or ''}
  end
end

redis.call('HSET', hold, 'key', hash, 'amount', amount, 'cost', 0)
redis.call('ZADD', holds, lease_end, generation)
redis.call('HINCRBY', record, 'held', amount)
return {'ok'}
