-- include: periods, record, fields, workspace_view
-- KEYS: workspace record, keys of the workspace
-- ARGV: field, value, ... to set, the name among them
-- Returns the workspace's view, or nil when it exists already.
local workspace = KEYS[1]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
if redis.call('HEXISTS', workspace, 'name') == 1 then
  return false
end
create_record(workspace, seconds)
redis.call('HSET', workspace, 'created', unix_ms(time), 'updated', unix_ms(time))
set_fields(workspace, 1)
return workspace_view(workspace, KEYS[2], seconds)
