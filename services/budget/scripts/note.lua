-- include: periods, record, activity
-- Writes the record of a request that never had a hold.
-- KEYS: generation, workspace record
-- ARGV: key hash, seconds for which a repeated call is known, read_keep(), read_activity()
-- Returns 1, or 0 when it is written already.
local prefix = string.sub(KEYS[2], 1, -10)
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local counted = counting_seconds(redis.call('HGET', KEYS[2], 'day'), seconds)
local now_ms = counted == seconds and time[1] .. string.format('%03d', floor(time[2] / 1000))
  or string.format('%d000', counted)
local entry = write_activity(prefix, read_activity(6), ARGV[1], counted, now_ms, read_keep(3))
redis.call('SET', KEYS[1], 'n ' .. entry, 'EX', ARGV[2])
return 1
