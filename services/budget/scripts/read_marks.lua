-- KEYS: the marks of all routers
-- Returns pairs: endpoint, how long it lasts from now, ms.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES')
for i = 2, #found, 2 do
  found[i] = string.format('%.0f', tonumber(found[i]) - now)
end
return found
