-- include: periods, record, fields, key_view
-- KEYS: key record, keys of the workspace, workspace record
-- ARGV: key hash, name that a missing workspace is created with or '', expiry in Unix ms or '', then field, value, ...
-- Returns the key's view, 'past' for an expiry that has passed already, or 'workspace' when there is no such workspace.
local record, workspace = KEYS[1], KEYS[3]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local now_ms = unix_ms(time)
-- A call that is sent again finds its own record.
if redis.call('EXISTS', record) == 0 then
  if ARGV[3] ~= '' and tonumber(ARGV[3]) <= tonumber(now_ms) then
    return 'past'
  end
  if redis.call('HEXISTS', workspace, 'name') == 0 then
    if ARGV[2] == '' then
      return 'workspace'
    end
    create_record(workspace, seconds)
    redis.call('HSET', workspace, 'name', ARGV[2], 'created', now_ms, 'updated', now_ms)
  end
  create_record(record, seconds)
  redis.call('HSET', record, 'created', now_ms, 'updated', now_ms)
  if ARGV[3] ~= '' then
    redis.call('HSET', record, 'expires', ARGV[3])
  end
  set_fields(record, 4)
  -- Microseconds: keys made in one millisecond keep their order.
  redis.call('ZADD', KEYS[2], time[1] .. string.format('%06d', time[2]), ARGV[1])
end
return key_view(record, workspace, seconds)
