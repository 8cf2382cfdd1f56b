-- include: periods, record, key_view
-- KEYS: workspace record, key records of the workspace
-- Returns a view, or nil, for each.
local seconds = counting_seconds(redis.call('HGET', KEYS[1], 'day'), tonumber(redis.call('TIME')[1]))
local views = {}
for i = 2, #KEYS do
  views[i - 1] = key_view(KEYS[i], KEYS[1], seconds)
end
return views
