#include "services/common/config/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <utility>

#include "services/common/base/networks.h"
#include "services/common/config/document.h"
#include "services/common/config/features.h"
#include "services/common/config/json_file.h"
#include "services/common/config/providers.h"

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
  section.text("health", listen.health);
  if (!listen.health.empty())
    check_address(section, "health", listen.health);
  Section tls = section.section("tls");
  tls.text("certificate_file", listen.tls.certificate_file);
  tls.text("key_file", listen.tls.key_file);
  if (listen.tls.certificate_file.empty() != listen.tls.key_file.empty())
    tls.problem("certificate_file", "goes with tls.key_file: give both or neither");
  tls.finish();
  section.finish();
}

void read_addresses(Section& section, std::vector<std::string>& addresses) {
  section.texts("addresses", addresses);
  if (addresses.empty())
    section.problem("addresses", "expected at least one host:port");
  for (const std::string& address : addresses)
    check_address(section, "addresses", address);
}

void check_user(Section& section, const std::string& username, const std::string& password) {
  if (!username.empty() && password.empty())
    section.problem("username", fmt::format("needs {}.password", section.path()));
}

void read(Section section, RedisSentinelConfig& sentinel) {
  section.required_text("master", sentinel.master);
  read_addresses(section, sentinel.addresses);
  section.text("username", sentinel.username);
  section.secret("password", sentinel.password);
  check_user(section, sentinel.username, sentinel.password);
  section.finish();
}

void check_file(Section& section, const char* name, const std::string& path) {
  if (!path.empty() && !std::ifstream(path))
    section.problem(name, fmt::format("the file {} cannot be read", path));
}

void read(Section section, RedisTlsConfig& tls) {
  section.text("ca_file", tls.ca_file);
  section.text("certificate_file", tls.certificate_file);
  section.text("key_file", tls.key_file);
  section.text("server_name", tls.server_name);
  check_file(section, "ca_file", tls.ca_file);
  check_file(section, "certificate_file", tls.certificate_file);
  check_file(section, "key_file", tls.key_file);
  if (tls.certificate_file.empty() != tls.key_file.empty())
    section.problem("certificate_file", "goes with redis.tls.key_file: give both or neither");
  section.finish();
}

void read(Section section, RedisConfig& redis) {
  section.text("address", redis.address);
  const bool unix_socket = redis.address.rfind("unix:", 0) == 0;
  if (redis.address.rfind("redis://", 0) == 0 || redis.address.rfind("rediss://", 0) == 0)
    section.problem("address", fmt::format("expected host:port or unix:/path, found \"{}\"; redis.tls switches TLS on",
                                           redis.address));
  else if (!unix_socket)
    check_address(section, "address", redis.address);
  Section sentinel = section.section("sentinel");
  if (section.has("sentinel"))
    read(sentinel, redis.sentinel.emplace());
  Section cluster = section.section("cluster");
  if (section.has("cluster")) {
    read_addresses(cluster, redis.cluster.emplace().addresses);
    cluster.finish();
  }
  for (const auto& [one, other] : {std::pair("sentinel", "address"), {"cluster", "address"}, {"cluster", "sentinel"}}) {
    if (section.has(one) && section.has(other))
      section.problem(one, fmt::format("does not go with redis.{}: give one of them", other));
  }
  Section tls = section.section("tls");
  if (section.has("tls")) {
    read(tls, redis.tls.emplace());
    if (unix_socket)
      section.problem("tls", "a Unix socket has no TLS: give redis.address as host:port, or leave redis.tls out");
    if (!TOLLGATE_REDIS_TLS)
      section.problem("tls",
                      "this build cannot speak TLS to Redis, which needs hiredis 1.0 or later with hiredis_ssl (Debian "
                      "13, Ubuntu 24.04): build it there, or put a TLS tunnel such as stunnel beside it, give the "
                      "tunnel's host:port as redis.address and leave redis.tls out");
  }
  section.text("username", redis.username);
  section.secret("password", redis.password);
  section.duration("connect_timeout_ms", redis.connect_timeout);
  section.duration("command_timeout_ms", redis.command_timeout);
  check_user(section, redis.username, redis.password);
  section.finish();
}

// What may be a part of a URL's path, as it stands.
bool is_path_part(std::string_view text) {
  static constexpr std::string_view kOthers = "-_.:";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || kOthers.find(static_cast<char>(c)) != kOthers.npos;
  });
}

void read(Section& section, VertexConfig& vertex) {
  section.required_text("project", vertex.project);
  section.text("region", vertex.region);
  if (!vertex.project.empty() && !is_path_part(vertex.project))
    section.problem("project", fmt::format("expected the id of a project, found \"{}\"", vertex.project));
  if (!is_path_part(vertex.region) || vertex.region.find_first_of("._:") != std::string::npos)
    section.problem("region",
                    fmt::format("expected a region such as us-east5, global, us or eu, found \"{}\"", vertex.region));
  section.text("credentials_file", vertex.credentials_file);
  check_file(section, "credentials_file", vertex.credentials_file);
  for (const char* name : {"api_key", "auth"}) {
    if (section.has(name))
      section.problem(name, "does not go with project, whose credentials are Google Cloud's: credentials_file");
  }
}

bool is_header_name(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || kMarks.find(static_cast<char>(c)) != kMarks.npos;
  });
}

void read_headers(Section& section, UpstreamConfig& upstream) {
  section.text_map("headers", upstream.headers);
  for (const auto& [name, value] : upstream.headers) {
    const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
    if (!is_header_name(name) || std::any_of(value.begin(), value.end(), is_control))
      section.problem("headers", fmt::format("\"{}\" is no header of HTTP: expected names of letters, digits and "
                                             "hyphens, and values without line breaks",
                                             name));
  }
  section.text("query", upstream.query);
  const auto is_query = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '#' && c != '?'; };
  if (!std::all_of(upstream.query.begin(), upstream.query.end(), is_query))
    section.problem("query", fmt::format("expected name=value[&name=value...], percent-encoded, without the question "
                                         "mark, found \"{}\"",
                                         upstream.query));
}

// With `api_key` Google AI Studio, with `project` Vertex AI. `section` is the whole upstream's.
void read_gemini(Section& section, UpstreamConfig& upstream) {
  if (section.has("project")) {
    read(section, upstream.vertex);
    return;
  }
  if (!section.has("api_key"))
    section.problem("api_key", "expected a key of Google AI Studio, or project (and credentials_file) of Google Cloud");
  for (const char* name : {"region", "credentials_file"}) {
    if (section.has(name))
      section.problem(name, "goes with project, for Gemini on Google Cloud");
  }
  if (section.has("auth"))
    section.problem("auth", "a key of Google AI Studio is always sent as x-goog-api-key: leave it out");
}

// `section` is the whole upstream's.
void read(Section& section, BedrockConfig& bedrock) {
  section.required_text("region", bedrock.region);
  constexpr const char* kRegionLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (bedrock.region.find_first_not_of(kRegionLetters) != std::string::npos)
    section.problem("region", fmt::format("expected a region such as us-east-1, found \"{}\"", bedrock.region));
  std::size_t wire = 0;
  section.choice("wire", {"invoke", "messages"}, wire);
  bedrock.wire = wire == 0 ? BedrockWire::kInvoke : BedrockWire::kMessages;
  section.text("service", bedrock.service);
  Section credentials = section.section("credentials");
  credentials.secret("access_key_id", bedrock.access_key_id);
  credentials.secret("secret_access_key", bedrock.secret_access_key);
  credentials.secret("session_token", bedrock.session_token);
  credentials.text("profile", bedrock.profile);
  if (credentials.has("access_key_id") != credentials.has("secret_access_key"))
    credentials.problem("access_key_id", "goes with secret_access_key: give both or neither");
  if (credentials.has("session_token") && !credentials.has("access_key_id"))
    credentials.problem("session_token", "goes with access_key_id and secret_access_key");
  if (credentials.has("profile") && credentials.has("access_key_id"))
    credentials.problem("profile", "does not go with access_key_id: give one of them");
  credentials.finish();
  if (section.has("credentials") && section.has("api_key"))
    section.problem("api_key", "does not go with credentials: give one of them");
  if (section.has("auth"))
    section.problem("auth", "an API key of Bedrock is always sent as Bearer: leave it out");
}

// What the names and values mean is known to the dialect itself. `section` is the whole upstream's.
void read_openai(Section& section, UpstreamConfig& upstream) {
  section.text("preset", upstream.preset);
  section.object("quirks", upstream.quirks);
}

// What the upstream's name tells. A section with a URL of its own describes another upstream than the one that is
// known, unless it says so by its dialect.
void take_defaults(const Section& section, const KnownProvider& known, UpstreamConfig& upstream) {
  if (!section.has("dialect") && (known.url.empty() || !section.has("url")))
    upstream.dialect = known.dialect;
  if (upstream.dialect != known.dialect)
    return;
  upstream.url = known.url;
  upstream.preset = known.preset;
  if (!known.auth.empty())
    upstream.auth = known.auth;
}

void read(Section section, UpstreamConfig& upstream) {
  const std::vector<std::string> dialects = {"anthropic", "bedrock", "vertex", "gemini", "openai"};
  std::size_t dialect = 0;
  section.choice("dialect", dialects, dialect);
  upstream.dialect = dialects[dialect];
  if (const KnownProvider* known = known_provider(upstream.name))
    take_defaults(section, *known, upstream);
  if (upstream.dialect == "openai" && upstream.auth == "x-api-key")
    upstream.auth = "bearer";
  if (upstream.dialect == "vertex") {
    section.text("url", upstream.url);
    read(section, upstream.vertex);
  } else if (upstream.dialect == "bedrock") {
    section.text("url", upstream.url);
    read(section, upstream.bedrock);
  } else if (upstream.dialect == "gemini") {
    section.text("url", upstream.url);
    read_gemini(section, upstream);
  } else {
    section.required_text("url", upstream.url);
    if (upstream.dialect == "openai")
      read_openai(section, upstream);
  }
  if (!upstream.url.empty() && upstream.url.rfind("https://", 0) != 0 && upstream.url.rfind("http://", 0) != 0)
    section.problem("url", fmt::format("expected https://host[:port][/prefix], found \"{}\"", upstream.url));
  section.secret("api_key", upstream.api_key);
  section.secret("signing_key", upstream.signing_key);
  section.text("auth", upstream.auth);
  if (!is_header_name(upstream.auth))
    section.problem("auth", fmt::format("expected \"bearer\" or the name of a header, found \"{}\"", upstream.auth));
  read_headers(section, upstream);
  read_features(section.section("features"), upstream.features);
  section.text("ca_file", upstream.ca_file);
  section.integer("max_connections", upstream.max_connections, 1, 1'000'000);
  section.integer("max_in_flight", upstream.max_in_flight, 1, 1'000'000);
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
  section.integer("connections_per_address", limits.connections_per_address, 0, 1'000'000);
  section.integer("in_flight_bytes", limits.in_flight_bytes, 1024, std::int64_t{1} << 50);
  if (limits.in_flight_bytes < limits.body_bytes)
    section.problem("in_flight_bytes", "must be at least limits.body_bytes: a larger body could never come in");
  section.integer("bytes_per_second", limits.bytes_per_second, 0, 1'000'000'000);
  section.integer("failed_keys_per_minute", limits.failed_keys_per_minute, 0, 1'000'000);
  section.integer("response_bytes", limits.response_bytes, 1024, 1024 * kMegabyte);
  section.integer("drained_streams", limits.drained_streams, 0, 1'000'000);
  section.finish();
}

void read_networks(Section& section, const char* name, std::vector<std::string>& networks) {
  section.texts(name, networks);
  for (const std::string& network : networks) {
    if (!Network::parse(network))
      section.problem(name, fmt::format("expected networks such as 10.0.0.0/8 or 2001:db8::/32, with no bits set "
                                        "behind the prefix, found \"{}\"",
                                        network));
  }
}

void read(Section section, AccessConfig& access) {
  read_networks(section, "trusted_proxies", access.trusted_proxies);
  section.flag("proxy_protocol", access.proxy_protocol);
  read_networks(section, "unlimited_addresses", access.unlimited_addresses);
  if (access.proxy_protocol && access.trusted_proxies.empty())
    section.problem("proxy_protocol", "needs access.trusted_proxies: anybody could say to be anybody");
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

void read_days(Section& section, const char* name, std::chrono::days& days) {
  std::int64_t count = days.count();
  section.integer(name, count, 1, 36'500);
  days = std::chrono::days(count);
}

void read(Section section, ActivityConfig& activity) {
  read_days(section, "raw_ttl_days", activity.raw_ttl);
  section.integer("raw_count", activity.raw_count, 1, 1'000'000'000);
  read_days(section, "hourly_days", activity.hourly);
  read_days(section, "daily_days", activity.daily);
  section.integer("sessions", activity.sessions, 1, 100'000'000);
  Section file = section.section("file");
  file.text("path", activity.file.path);
  file.integer("bytes", activity.file.bytes, 0, std::int64_t{1} << 40);
  file.integer("kept", activity.file.kept, 0, 1000);
  file.finish();
  section.finish();
}

void read(Section section, ServicesTlsConfig& tls) {
  section.required_text("ca_file", tls.ca_file);
  section.required_text("certificate_file", tls.certificate_file);
  section.required_text("key_file", tls.key_file);
  check_file(section, "ca_file", tls.ca_file);
  check_file(section, "certificate_file", tls.certificate_file);
  check_file(section, "key_file", tls.key_file);
  section.finish();
}

void read(Section section, ServicesConfig& services) {
  section.text("router", services.router);
  section.text("budget", services.budget);
  section.text("adapter", services.adapter);
  section.text_map("adapters", services.adapters);
  Section tls = section.section("tls");
  if (section.has("tls"))
    read(tls, services.tls.emplace());
  section.finish();
}

void read(Section section, LoggingConfig& logging) {
  const std::vector<std::string> levels = {"trace", "debug", "info", "warn", "error", "off"};
  std::size_t level = 2;
  section.choice("level", levels, level);
  logging.level = levels[level];
  section.flag("core_dumps", logging.core_dumps);
  section.finish();
}

// What a dialect that is translated can say; the rest is left out. Empty: everything.
std::vector<std::string_view> expressible(std::string_view dialect) {
  if (dialect == "openai") {
    return {"tools", "tool_choice", "thinking", "output_config", "stop_sequences", "temperature", "top_p", "metadata"};
  }
  if (dialect == "gemini") {
    return {"tools", "tool_choice", "thinking", "output_config", "stop_sequences", "temperature", "top_p", "top_k"};
  }
  return {};
}

void read(Section section, TelemetryConfig& telemetry) {
  section.text("metrics", telemetry.metrics);
  if (!telemetry.metrics.empty())
    check_address(section, "metrics", telemetry.metrics);
  section.flag("propagate_upstream", telemetry.propagate_upstream);
  section.finish();
}

}  // namespace

std::set<std::string> Config::upstream_names() const {
  std::set<std::string> names;
  for (const auto& [name, upstream] : upstreams)
    names.insert(name);
  return names;
}

std::map<std::string, v1::Features> Config::upstream_features() const {
  std::map<std::string, v1::Features> features;
  for (const auto& [name, upstream] : upstreams) {
    v1::Features& all = features[name] = upstream.features;
    for (const std::string_view parameter : expressible(upstream.dialect))
      all.add_parameters(std::string(parameter));
  }
  return features;
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
  read(document.section("access"), config.access);
  read(document.section("budget"), config.budget);
  read(document.section("activity"), config.budget.activity);
  if (std::string& file = config.budget.activity.file.path; !file.empty() && file != "-")
    file = (std::filesystem::path(path).parent_path() / file).string();
  read(document.section("services"), config.services);
  read(document.section("logging"), config.logging);
  read(document.section("telemetry"), config.telemetry);
  document.integer("threads", config.threads, 0, 1024);
  document.finish();
  if (!problems.empty())
    return absl::InvalidArgumentError(fmt::format("{}:\n  {}", path, fmt::join(problems, "\n  ")));
  return config;
}

}  // namespace tollgate
