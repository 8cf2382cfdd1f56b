-- Adds corrections to counters of one record.
-- KEYS: record
-- ARGV: day, week and month that the corrections of their sums are for, then counter, correction, ...
-- Returns how many were applied; a sum whose period has passed meanwhile is left.
local stored = redis.call('HMGET', KEYS[1], 'held', 'day', 'week', 'month')
if not stored[1] then
  return 0
end
local running = {day_usage = stored[2] == ARGV[1], week_usage = stored[3] == ARGV[2], month_usage = stored[4] == ARGV[3]}
local applied = 0
for i = 4, #ARGV, 2 do
  if running[ARGV[i]] ~= false then
    redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
    applied = applied + 1
  end
end
return applied
