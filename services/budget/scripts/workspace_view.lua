-- A workspace as the Workspaces service shows it. Needs periods.lua and record.lua.
local FIELDS = {'name', 'created', 'updated', 'mode', 'provider'}

-- The fields above, '' for those that are not set, the number of keys, and the spend. False when there is no such
-- workspace.
local function workspace_view(workspace, keys, seconds)
  local view = redis.call('HMGET', workspace, unpack(FIELDS))
  if not view[1] then
    return false
  end
  for i = 1, #FIELDS do
    view[i] = view[i] or ''
  end
  view[#FIELDS + 1] = redis.call('ZCARD', keys)
  append_spend(view, workspace, counting_seconds(redis.call('HGET', workspace, 'day'), seconds))
  return view
end
