-- include: periods, settlement
-- Settles holds whose lease has run out at their last checkpoint.
-- KEYS: holds of the workspace, totals of the workspace
-- ARGV: prefix of the workspace's keys, most holds of one call, usage source, time to live of the settled records in ms
-- Returns how many holds were settled. Which records it touches is known only from the holds; they share the
-- workspace's hash tag with KEYS.
local holds, totals = KEYS[1], KEYS[2]
local prefix = ARGV[1]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local now_ms = string.format('%.0f', seconds * 1000 + floor(tonumber(time[2]) / 1000))

local due = redis.call('ZRANGEBYSCORE', holds, '-inf', now_ms, 'LIMIT', 0, ARGV[2])
for _, generation in ipairs(due) do
  local hold = prefix .. 'hold:' .. generation
  local existing = redis.call('HMGET', hold, 'key', 'amount', 'cost')
  redis.call('ZREM', holds, generation)
  if existing[1] then
    redis.call('DEL', hold)
    charge(prefix .. 'key:' .. existing[1], totals, existing[2], existing[3], seconds)
    redis.call('SET', prefix .. 'settled:' .. generation, existing[3] .. ' ' .. ARGV[3], 'PX', ARGV[4])
  end
end
return #due
