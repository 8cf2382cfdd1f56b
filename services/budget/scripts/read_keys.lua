-- include: periods, key_view
-- KEYS: key records of one workspace
-- Returns a view, or nil, for each.
local seconds = tonumber(redis.call('TIME')[1])
local views = {}
for i, record in ipairs(KEYS) do
  views[i] = key_view(record, seconds)
end
return views
