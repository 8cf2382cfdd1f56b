-- include: periods, record, activity, orphan, generation
-- Settles holds whose lease has run out at their last checkpoint.
-- KEYS: workspace record, holds and settled generations of the workspace
-- ARGV: prefix of the workspace's keys, most holds of one call, usage source, read_keep()
-- Returns {how many holds were found, their records ...}. Which records it touches is known only from the holds; they
-- share the workspace's hash tag with KEYS.
local workspace, holds, settled_set = KEYS[1], KEYS[2], KEYS[3]
local prefix, source = ARGV[1], ARGV[3]
local keep = read_keep(4)
local time = redis.call('TIME')
local now_ms = string.format('%.0f', tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000))

local due = redis.call('ZRANGEBYSCORE', holds, '-inf', now_ms, 'LIMIT', 0, ARGV[2])
local found = {#due}
for _, generation in ipairs(due) do
  redis.call('ZREM', holds, generation)
  local generation_key = prefix .. 'gen:' .. generation
  local existing = redis.call('GET', generation_key)
  if existing then
    local hash, _, amount, cost, _, _, about = parse_held(existing)
    if hash then
      local key = prefix .. 'key:' .. hash
      local activity = orphan_activity(about, generation, hash, redis.call('HGET', key, 'name'), cost, source)
      settle(key, workspace, generation_key, settled_set, generation, hash, amount, cost, source, time, prefix, activity,
        keep, about)
      found[#found + 1] = activity.record
    end
  end
end
return found
