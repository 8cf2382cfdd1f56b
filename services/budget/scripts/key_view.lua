-- A key as the Keys service shows it. Needs periods.lua.

-- Fields of a key record in the order in which they are returned, followed by the end of the limit's running period
-- (Unix seconds or '').
local FIELDS = {'name', 'label', 'created', 'updated', 'disabled', 'limit', 'reset', 'expires', 'held', 'usage',
  'day_usage', 'week_usage', 'month_usage', 'day', 'week', 'month'}

-- False when there is no such key. Sums of periods that have passed are shown as 0.
local function key_view(record, seconds)
  local view = redis.call('HMGET', record, unpack(FIELDS))
  if not view[1] then
    return false
  end
  local day = day_of(seconds)
  if tonumber(view[14]) < day then
    view[11] = '0'
  end
  if tonumber(view[15]) < week_of(day) then
    view[12] = '0'
  end
  if tonumber(view[16]) < month_of(day) then
    view[13] = '0'
  end
  view[14] = period_end(view[7], seconds) or ''
  view[15], view[16] = nil, nil
  return view
end
