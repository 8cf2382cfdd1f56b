-- include: periods, key_view
-- KEYS: key record
-- ARGV: '1' to remove the limit or '0'; then field, value, ... to set
-- Returns the key's view, or nil when there is no such key.
local record = KEYS[1]
if redis.call('EXISTS', record) == 0 then
  return false
end
local time = redis.call('TIME')
local seconds = tonumber(time[1])
redis.call('HSET', record, 'updated', string.format('%.0f', seconds * 1000 + floor(tonumber(time[2]) / 1000)))
if ARGV[1] == '1' then
  redis.call('HDEL', record, 'limit')
end
for i = 2, #ARGV, 2 do
  redis.call('HSET', record, ARGV[i], ARGV[i + 1])
end
return key_view(record, seconds)
