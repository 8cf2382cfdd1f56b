-- KEYS: workspace record, keys and holds of the workspace
-- Returns 1, 0 when there is none, or -1 when it has keys or requests in flight.
if redis.call('ZCARD', KEYS[2]) > 0 or redis.call('ZCARD', KEYS[3]) > 0 then
  return -1
end
return redis.call('DEL', KEYS[1])
