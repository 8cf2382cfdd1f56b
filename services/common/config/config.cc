#include "services/common/config/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "services/common/config/document.h"
#include "services/common/config/json_file.h"

namespace tollgate {
namespace {

constexpr std::int64_t kMegabyte = 1024 * 1024;

void check_address(Section& section, const char* name, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size())
    section.problem(name, fmt::format("expected host:port, found \"{}\"", address));
}

void read(Section section, ListenConfig& listen) {
  section.text("http", listen.http);
  check_address(section, "http", listen.http);
  section.text("grpc", listen.grpc);
  if (!listen.grpc.empty())
    check_address(section, "grpc", listen.grpc);
  Section tls = section.section("tls");
  tls.text("certificate_file", listen.tls.certificate_file);
  tls.text("key_file", listen.tls.key_file);
  if (listen.tls.certificate_file.empty() != listen.tls.key_file.empty())
    tls.problem("certificate_file", "goes with tls.key_file: give both or neither");
  tls.finish();
  section.finish();
}

void read(Section section, RedisConfig& redis) {
  section.text("address", redis.address);
  if (redis.address.rfind("rediss://", 0) == 0)
    section.problem("address", "TLS to Redis is not built in; put a TLS tunnel beside it and give its host:port");
  else if (redis.address.rfind("unix:", 0) != 0)
    check_address(section, "address", redis.address);
  section.text("username", redis.username);
  section.secret("password", redis.password);
  section.duration("connect_timeout_ms", redis.connect_timeout);
  section.duration("command_timeout_ms", redis.command_timeout);
  if (!redis.username.empty() && redis.password.empty())
    section.problem("username", "needs redis.password");
  section.finish();
}

void read(Section section, UpstreamConfig& upstream) {
  std::size_t dialect = 0;
  const std::vector<std::string> dialects = {"anthropic"};
  section.choice("dialect", dialects, dialect);
  upstream.dialect = dialects[dialect];
  section.required_text("url", upstream.url);
  if (!upstream.url.empty() && upstream.url.rfind("https://", 0) != 0 && upstream.url.rfind("http://", 0) != 0)
    section.problem("url", fmt::format("expected https://host[:port][/prefix], found \"{}\"", upstream.url));
  section.secret("api_key", upstream.api_key);
  std::size_t auth = 0;
  section.choice("auth", {"x-api-key", "bearer"}, auth);
  upstream.auth = auth == 0 ? UpstreamAuth::kXApiKey : UpstreamAuth::kBearer;
  section.text("ca_file", upstream.ca_file);
  section.integer("max_connections", upstream.max_connections, 1, 1'000'000);
  section.duration("connect_timeout_ms", upstream.connect_timeout);
  section.duration("first_byte_timeout_ms", upstream.first_byte_timeout);
  section.duration("idle_timeout_ms", upstream.idle_timeout);
  section.finish();
}

void read(Section section, LimitsConfig& limits) {
  section.integer("body_bytes", limits.body_bytes, 1024, 1024 * kMegabyte);
  section.integer("header_bytes", limits.header_bytes, 1024, kMegabyte);
  section.integer("header_count", limits.header_count, 10, 10000);
  section.integer("connections", limits.connections, 1, 1'000'000);
  section.integer("response_bytes", limits.response_bytes, 1024, 1024 * kMegabyte);
  section.integer("drained_streams", limits.drained_streams, 0, 1'000'000);
  section.finish();
}

void read(Section section, TimeoutsConfig& timeouts) {
  section.duration("header_ms", timeouts.header);
  section.duration("body_ms", timeouts.body);
  section.duration("idle_ms", timeouts.idle);
  section.duration("write_ms", timeouts.write);
  section.duration("ping_ms", timeouts.ping);
  section.duration("abandoned_ms", timeouts.abandoned);
  section.duration("drain_ms", timeouts.drain);
  section.finish();
}

void read(Section section, BudgetConfig& budget) {
  section.duration("lease_ms", budget.lease, 300);
  section.duration("settled_ttl_ms", budget.settled_ttl, 60000);
  section.finish();
}

void read(Section section, ServicesConfig& services) {
  section.text("router", services.router);
  section.text("budget", services.budget);
  section.text("adapter", services.adapter);
  section.finish();
}

void read(Section section, LoggingConfig& logging) {
  const std::vector<std::string> levels = {"trace", "debug", "info", "warn", "error", "off"};
  std::size_t level = 2;
  section.choice("level", levels, level);
  logging.level = levels[level];
  section.finish();
}

}  // namespace

std::set<std::string> Config::upstream_names() const {
  std::set<std::string> names;
  for (const auto& [name, upstream] : upstreams)
    names.insert(name);
  return names;
}

absl::StatusOr<Config> load_config(const std::string& path, Secrets secrets) {
  absl::StatusOr<nlohmann::json> json = read_json_file(path);
  if (!json.ok())
    return json.status();
  Config config;
  Problems problems;
  Section document(*json, "", problems);
  read(document.section("listen"), config.listen);
  read(document.section("redis"), config.redis);
  std::vector<std::string> names;
  std::vector<Section> upstreams = document.sections("upstreams", &names);
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    UpstreamConfig upstream;
    upstream.name = names[i];
    if (secrets == Secrets::kWithoutUpstreams)
      upstreams[i].leave_secrets();
    read(upstreams[i], upstream);
    config.upstreams[names[i]] = upstream;
  }
  Section catalog = document.section("catalog");
  catalog.text("file", config.catalog_file);
  catalog.finish();
  if (!config.catalog_file.empty())
    config.catalog_file = (std::filesystem::path(path).parent_path() / config.catalog_file).string();
  read(document.section("limits"), config.limits);
  read(document.section("timeouts"), config.timeouts);
  read(document.section("budget"), config.budget);
  read(document.section("services"), config.services);
  read(document.section("logging"), config.logging);
  document.integer("threads", config.threads, 0, 1024);
  document.finish();
  if (!problems.empty())
    return absl::InvalidArgumentError(fmt::format("{}:\n  {}", path, fmt::join(problems, "\n  ")));
  return config;
}

}  // namespace tollgate
