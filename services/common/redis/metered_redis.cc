#include "services/common/redis/metered_redis.h"

#include <utility>

namespace tollgate {
namespace {

Counter& commands(Telemetry& telemetry, const char* result) {
  return telemetry
      .counters("tollgate_redis_commands_total",
                "Commands and scripts. refused: by Redis itself; unavailable: no reply came in time.")
      .Add({{"result", result}});
}

}  // namespace

MeteredRedis::MeteredRedis(std::unique_ptr<Redis> redis, Telemetry& telemetry)
    : redis_(std::move(redis)),
      ok_(commands(telemetry, "ok")),
      refused_(commands(telemetry, "refused")),
      unavailable_(commands(telemetry, "unavailable")),
      connections_(telemetry.counter("tollgate_redis_connections_total",
                                     "Connections made to Redis: the first of each thread, and those after a loss.")),
      in_flight_(telemetry.gauge("tollgate_redis_commands_in_flight", "Commands that wait for their reply.")),
      time_(telemetry
                .histograms("tollgate_redis_command_duration_seconds",
                            "From a command to its reply, reconnections included.", call_buckets())
                .with({})) {}

void MeteredRedis::note_connections() {
  const std::uint64_t now = redis_->epoch();
  connections_.Increment(static_cast<double>(now - std::exchange(epoch_, now)));
}

Awaitable<absl::StatusOr<RedisReply>> MeteredRedis::measured(Awaitable<absl::StatusOr<RedisReply>> call) {
  const Counted waiting(in_flight_);
  const auto began = SteadyClock::now();
  absl::StatusOr<RedisReply> reply = co_await std::move(call);
  time_.add(std::chrono::duration<double>(SteadyClock::now() - began).count());
  if (!reply.ok())
    unavailable_.Increment();
  else
    (reply->is_error() ? refused_ : ok_).Increment();
  note_connections();
  co_return reply;
}

Awaitable<absl::StatusOr<RedisReply>> MeteredRedis::command(std::vector<std::string> argv) {
  return measured(redis_->command(std::move(argv)));
}

Awaitable<absl::StatusOr<RedisReply>> MeteredRedis::eval(const RedisScript& script, std::vector<std::string> keys,
                                                         std::vector<std::string> args) {
  return measured(redis_->eval(script, std::move(keys), std::move(args)));
}

}  // namespace tollgate
