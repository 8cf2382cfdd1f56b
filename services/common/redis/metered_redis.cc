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

// Outlives the client for as long as a command waits: it is answered after the client has gone.
struct MeteredRedis::Meter {
  Meter(Redis& client, Telemetry& telemetry)
      : redis(&client),
        ok(commands(telemetry, "ok")),
        refused(commands(telemetry, "refused")),
        unavailable(commands(telemetry, "unavailable")),
        connections(telemetry.counter("tollgate_redis_connections_total",
                                      "Connections made to Redis: the first of each thread, and those after a loss.")),
        in_flight(telemetry.gauge("tollgate_redis_commands_in_flight", "Commands that wait for their reply.")),
        time(telemetry
                 .histograms("tollgate_redis_command_duration_seconds",
                             "From a command to its reply, reconnections included.", call_buckets())
                 .with({})) {}

  static Awaitable<absl::StatusOr<RedisReply>> measure(std::shared_ptr<Meter> meter,
                                                       Awaitable<absl::StatusOr<RedisReply>> call) {
    const Counted waiting(meter->in_flight);
    const auto began = SteadyClock::now();
    absl::StatusOr<RedisReply> reply = co_await std::move(call);
    meter->time.add(std::chrono::duration<double>(SteadyClock::now() - began).count());
    if (!reply.ok())
      meter->unavailable.Increment();
    else
      (reply->is_error() ? meter->refused : meter->ok).Increment();
    if (meter->redis != nullptr) {
      const std::uint64_t now = meter->redis->epoch();
      meter->connections.Increment(static_cast<double>(now - std::exchange(meter->epoch, now)));
    }
    co_return reply;
  }

  // Null when it has gone.
  Redis* redis;
  Counter& ok;
  Counter& refused;
  Counter& unavailable;
  Counter& connections;
  Gauge& in_flight;
  Histogram& time;
  // Of the connections that are counted.
  std::uint64_t epoch = 0;
};

MeteredRedis::MeteredRedis(std::unique_ptr<Redis> redis, Telemetry& telemetry)
    : redis_(std::move(redis)), meter_(std::make_shared<Meter>(*redis_, telemetry)) {}

MeteredRedis::~MeteredRedis() {
  meter_->redis = nullptr;
}

Awaitable<absl::StatusOr<RedisReply>> MeteredRedis::command(std::vector<std::string> argv) {
  return Meter::measure(meter_, redis_->command(std::move(argv)));
}

Awaitable<absl::StatusOr<RedisReply>> MeteredRedis::eval(const RedisScript& script, std::vector<std::string> keys,
                                                         std::vector<std::string> args) {
  return Meter::measure(meter_, redis_->eval(script, std::move(keys), std::move(args)));
}

}  // namespace tollgate
