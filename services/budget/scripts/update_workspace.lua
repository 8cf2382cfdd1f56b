-- include: periods, record, fields, workspace_view
-- Reads a workspace when there is nothing to set.
-- KEYS: workspace record, keys of the workspace
-- ARGV: name that a missing workspace is created with or '', then field, value, ... to set
-- Returns the workspace's view, or nil when there is no such workspace.
local workspace = KEYS[1]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
if redis.call('HEXISTS', workspace, 'name') == 0 then
  if ARGV[1] == '' then
    return false
  end
  create_record(workspace, seconds)
  redis.call('HSET', workspace, 'name', ARGV[1], 'created', unix_ms(time), 'updated', unix_ms(time))
end
if #ARGV > 1 then
  redis.call('HSET', workspace, 'updated', unix_ms(time))
  set_fields(workspace, 2)
end
return workspace_view(workspace, KEYS[2], seconds)
