-- Renews the lease of a hold and raises the cost at which it would be settled.
-- KEYS: hold, holds of the workspace
-- ARGV: generation id, cost so far, lease in ms
-- Returns 1, or 0 when there is no such hold (any more).
local cost = redis.call('HGET', KEYS[1], 'cost')
if not cost then
  return 0
end
if tonumber(ARGV[2]) > tonumber(cost) then
  redis.call('HSET', KEYS[1], 'cost', ARGV[2])
end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[2], string.format('%.0f', now_ms + tonumber(ARGV[3])), ARGV[1])
return 1
