-- include: periods, record, fields, key_view
-- KEYS: key record, workspace record
-- ARGV: field, value, ... to set
-- Returns the key's view, or nil when there is no such key.
local record = KEYS[1]
if redis.call('EXISTS', record) == 0 then
  return false
end
local time = redis.call('TIME')
if #ARGV > 0 then
  redis.call('HSET', record, 'updated', unix_ms(time))
  set_fields(record, 1)
end
return key_view(record, KEYS[2], counting_seconds(redis.call('HGET', KEYS[2], 'day'), tonumber(time[1])))
