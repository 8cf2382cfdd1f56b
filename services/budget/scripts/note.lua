-- include: periods, record, activity, generation, rates
-- Writes the record of a request that was not admitted. A hold of its is let go: it was taken, and the answer lost.
-- KEYS: generation, workspace record, key record, holds of the workspace
-- ARGV: generation id, key hash, seconds for which a repeated call is known, read_keep(), read_activity()
-- Returns 1, or 0 when it is written already.
local generation_key, workspace, record, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local generation, hash = ARGV[1], ARGV[2]
local prefix = string.sub(workspace, 1, -10)
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local of_workspace = read_counters(workspace)
local counted = counting_seconds(of_workspace and of_workspace[3], seconds)

local existing = redis.call('GET', generation_key)
if existing then
  local its_hash, _, amount, _, tokens = parse_held(existing)
  if its_hash ~= hash then
    return 0
  end
  redis.call('ZREM', holds, generation)
  charge(workspace, of_workspace, amount, '0', counted)
  charge(record, read_counters(record), amount, '0', counted)
  give_back_tokens(record, tokens, 0, time)
end
local now_ms = counted == seconds and time[1] .. string.format('%03d', floor(time[2] / 1000))
  or string.format('%d000', counted)
local entry = write_activity(prefix, read_activity(7), hash, counted, now_ms, read_keep(4))
redis.call('SET', generation_key, 'n ' .. entry, 'EX', ARGV[3])
return 1
