#!/usr/bin/env bash
# Slow clients by a public tool: slowhttptest against `tollgate serve`, with a Redis of its own.
#
#   tests/hardening/slow_clients.sh [SECONDS [CONNECTIONS]]      default: 5 200
#
# Slow headers, slow bodies and slow reading, one after the other. While each lasts a client with a good request is
# answered in time; when it is over no connection is left. Needs slowhttptest (apt-get install slowhttptest),
# redis-server, curl; $TOLLGATE_BIN as for the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly BIN=${TOLLGATE_BIN:-$PWD/build/release/bin}
readonly TIME=${1:-5} CONNECTIONS=${2:-200}
# Connections without which nothing was tried.
readonly LEAST=10
# Of an answer to a good client, in milliseconds.
readonly PATIENCE=2000

for program in slowhttptest redis-server curl "$BIN/tollgate"; do
  command -v "$program" >/dev/null || { echo "slow_clients: $program is missing" >&2; exit 77; }
done

folder=$(mktemp -d)
processes=()
leave() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap leave EXIT

wait_until() {
  local i
  for ((i = 0; i < 1000; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.02
  done
  echo "slow_clients: gave up waiting for: $*" >&2
  cat "$folder/tollgate.log" >&2
  return 1
}

redis-server --port 0 --unixsocket "$folder/redis" --dir "$folder" --save '' >"$folder/redis.log" &
processes+=($!)
wait_until redis-cli -s "$folder/redis" ping

cat >"$folder/tollgate.json" <<JSON
{"listen": {"http": "127.0.0.1:0", "grpc": ""}, "redis": {"address": "unix:$folder/redis"},
 "upstreams": {"anthropic": {"url": "http://127.0.0.1:9", "api_key": "\${SLOW_CLIENTS_KEY}"}},
 "timeouts": {"header_ms": 2000, "body_ms": 1000, "write_ms": 1000, "idle_ms": 2000},
 "access": {"unlimited_addresses": []}, "telemetry": {"metrics": "127.0.0.1:0"}}
JSON
SLOW_CLIENTS_KEY=unused "$BIN/tollgate" serve -c "$folder/tollgate.json" 2>"$folder/tollgate.log" &
server=$!
processes+=("$server")
wait_until grep -q '"event":"listening"' "$folder/tollgate.log"
port() { sed -n "s/.*\"event\":\"$1\".*\"$2\":\([0-9]*\).*/\1/p" "$folder/tollgate.log"; }
url=http://127.0.0.1:$(port listening http_port)
metrics=http://127.0.0.1:$(port metrics_shown port)/metrics

connections() { curl -s "$metrics" | sed -n 's/^tollgate_http_connections \([0-9]*\).*/\1/p'; }
none_left() { [ "$(connections)" = 0 ]; }

failed=0
attack() { # NAME ARGUMENTS...
  local name=$1 slowest=0 most=0 answers=0 took now
  shift
  slowhttptest "$@" -c "$CONNECTIONS" -r "$CONNECTIONS" -l "$TIME" -p 5 >"$folder/$name.log" 2>&1 &
  local tool=$!
  while kill -0 "$tool" 2>/dev/null; do
    took=$(curl -s -o /dev/null -m 10 -w '%{http_code} %{time_total}' "$url/health" || true)
    now=$(connections)
    [ "${now:-0}" -le "$most" ] || most=$now
    took=$(awk '{print $1 == 200 ? int($2 * 1000) : 99999}' <<<"$took")
    [ "$took" -le "$slowest" ] || slowest=$took
    answers=$((answers + 1))
    sleep 0.05
  done
  wait "$tool" || true
  wait_until none_left || failed=1
  [ "$slowest" -lt "$PATIENCE" ] || failed=1
  # The tool opens a few connections a second only, whatever it is asked for, on a busy machine.
  [ "$most" -ge "$LEAST" ] || { echo "slow_clients: $name: hardly a connection was made" >&2; failed=1; }
  printf '%-13s %4d connections at most, good client: %3d answers, slowest %4d ms; rss %d kB\n' \
    "$name" "$most" "$answers" "$slowest" "$(awk '/VmRSS/ {print $2}' "/proc/$server/status")"
}

attack slow_headers -H -i 1 -t GET -u "$url/v1/models" -x 24
attack slow_bodies -B -i 1 -s 100000 -t POST -u "$url/v1/telemetry/api/event_logging/batch" -x 10
attack slow_reading -X -w 10 -y 20 -n 1 -z 5 -k 3 -u "$url/dashboard/"
kill -0 "$server" || failed=1
exit "$failed"
