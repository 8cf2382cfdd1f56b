-- A key as the Keys service shows it. Needs periods.lua and record.lua.
local FIELDS = {'name', 'label', 'created', 'updated', 'disabled', 'management', 'expires', 'mode', 'permissions', 'rpm',
  'tpm', 'creator', 'external', 'byok', 'provider'}

-- The fields above and the workspace's preferences, '' for those that are not set, and the spend. False when there is
-- no such key.
local function key_view(record, workspace, seconds)
  local view = redis.call('HMGET', record, unpack(FIELDS))
  if not view[1] then
    return false
  end
  for i = 1, #FIELDS do
    view[i] = view[i] or ''
  end
  view[#FIELDS + 1] = redis.call('HGET', workspace, 'provider') or ''
  append_spend(view, record, seconds)
  return view
end
