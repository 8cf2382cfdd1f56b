-- The record of a request whose owner has died, from what its hold knows. Needs activity.lua.

local function varint(number)
  local bytes = ''
  while number >= 128 do
    bytes = bytes .. string.char(number % 128 + 128)
    number = floor(number / 128)
  end
  return bytes .. string.char(number)
end

-- Fields of ActivityRecord (protos/tollgate/v1/activity.proto), as protobuf writes them: what is appended to a
-- serialized message is merged into it.
local function text_field(number, text)
  return varint(number * 8 + 2) .. varint(#text) .. text
end
local function number_field(number, value)
  return varint(number * 8) .. varint(value)
end

-- `about` is what reserve.lua was given of the request, '' when it was nothing.
local function orphan_activity(about, generation, hash, name, cost, source)
  local model, session, agent, session_id, parent, record = '', '', '', '', '', ''
  if about ~= '' then
    model, session, agent, session_id, parent, record = cmsgpack.unpack(about)
  end
  return {
    record = record .. text_field(1, generation) .. text_field(3, hash) .. text_field(4, name or '')
      .. number_field(11, tonumber(source)) .. number_field(12, tonumber(cost)),
    field = hash .. '|' .. model .. '||0',
    sums = cmsgpack.pack(1, 0, 0, 0, 0, 0, tonumber(cost), 0, 0, 0, 0),
    session = session, agent = agent, session_id = session_id, parent = parent,
  }
end
