-- include: periods, settlement
-- Replaces a hold by the real cost, once for each generation.
-- KEYS: key record, hold, settled record, holds of the workspace, totals of the workspace
-- ARGV: generation id, key hash, cost, usage source, time to live of the settled record in ms
-- Returns {1, cost}; {0, cost of the first settlement}; {-1} when the generation belongs to another key.
local record, hold, settled, holds, totals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation, hash, cost = ARGV[1], ARGV[2], ARGV[3]

local first = redis.call('GET', settled)
if first then
  return {0, string.match(first, '^%d+')}
end
-- The hold may be gone (Redis lost its last second, or the request was never admitted here): the spend still counts.
local existing = redis.call('HMGET', hold, 'key', 'amount')
if existing[1] then
  if existing[1] ~= hash then
    return {-1}
  end
  redis.call('DEL', hold)
  redis.call('ZREM', holds, generation)
end
charge(record, totals, existing[2] or '0', cost, tonumber(redis.call('TIME')[1]))
redis.call('SET', settled, cost .. ' ' .. ARGV[4], 'PX', ARGV[5])
return {1, cost}
