-- wrk: requests of every kind in turn, each connection with a pause, so that the rate is what the pause makes it.
-- $SOAK_BODIES: files by their x-sim, as `path<TAB>x-sim<TAB>weight` a line; $SOAK_KEY; $SOAK_PAUSE_MS.
local kinds = {}
for line in io.lines(os.getenv("SOAK_BODIES")) do
  local path, knobs, weight = line:match("^([^\t]*)\t([^\t]*)\t(%d+)$")
  local file = io.open(path, "rb")
  local body = file:read("*a")
  file:close()
  for _ = 1, tonumber(weight) do
    kinds[#kinds + 1] = {body = body, knobs = knobs}
  end
end
local pause = tonumber(os.getenv("SOAK_PAUSE_MS"))
local at = 0

function request()
  at = at % #kinds + 1
  return wrk.format("POST", nil, {
    ["content-type"] = "application/json",
    ["anthropic-version"] = "2023-06-01",
    ["x-api-key"] = os.getenv("SOAK_KEY"),
    ["x-sim"] = kinds[at].knobs,
  }, kinds[at].body)
end

function delay()
  return pause
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %.3f, "refused": %d, "broken": %d}\n', summary.requests,
    summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
