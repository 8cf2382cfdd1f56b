-- include: periods, record, generation
-- Settles holds whose lease has run out at their last checkpoint.
-- KEYS: workspace record, holds and settled generations of the workspace
-- ARGV: prefix of the workspace's keys, most holds of one call, usage source
-- Returns how many holds were settled. Which records it touches is known only from the holds; they share the
-- workspace's hash tag with KEYS.
local workspace, holds, settled_set = KEYS[1], KEYS[2], KEYS[3]
local prefix = ARGV[1]
local time = redis.call('TIME')
local now_ms = string.format('%.0f', tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000))

local due = redis.call('ZRANGEBYSCORE', holds, '-inf', now_ms, 'LIMIT', 0, ARGV[2])
for _, generation in ipairs(due) do
  redis.call('ZREM', holds, generation)
  local generation_key = prefix .. 'gen:' .. generation
  local existing = redis.call('GET', generation_key)
  if existing then
    local hash, _, amount, cost = parse_held(existing)
    if hash then
      settle(prefix .. 'key:' .. hash, workspace, generation_key, settled_set, generation, hash, amount, cost, ARGV[3],
        time)
    end
  end
end
return #due
