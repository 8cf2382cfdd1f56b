// The configuration: one JSON file with comments, the same for one process and for the suite. The README has the
// reference; the defaults stand here.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/features.pb.h"

namespace tollgate {

using std::chrono::milliseconds;

struct TlsListenConfig {
  // Both or neither; PEM files.
  std::string certificate_file;
  std::string key_file;
};

struct ListenConfig {
  // host:port of the HTTP edge.
  std::string http = "127.0.0.1:8787";
  // host:port of this process' gRPC server; empty: none.
  std::string grpc = "127.0.0.1:8788";
  // host:port of a gRPC server with the health service alone, never with TLS, for probes that have no certificate;
  // empty: none. Of the suite's processes that serve gRPC.
  std::string health;
  TlsListenConfig tls;
};

// Sentinels that know which server is the master.
struct RedisSentinelConfig {
  // The name that they know it by.
  std::string master;
  // host:port of each.
  std::vector<std::string> addresses;
  // Of the sentinels themselves; both empty: no AUTH.
  std::string username;
  std::string password;
};

// A Redis Cluster.
struct RedisClusterConfig {
  // host:port of some of its nodes, which know the others.
  std::vector<std::string> addresses;
};

// PEM files.
struct RedisTlsConfig {
  // The authorities to trust; empty: the system's.
  std::string ca_file;
  // Both or neither.
  std::string certificate_file;
  std::string key_file;
  // The name that the servers' certificates must bear; empty: the host that is connected to.
  std::string server_name;
};

struct RedisConfig {
  // host:port or unix:/path/of/socket. Unused with `sentinel` or `cluster`, of which at most one is given.
  std::string address = "127.0.0.1:6379";
  std::optional<RedisSentinelConfig> sentinel;
  std::optional<RedisClusterConfig> cluster;
  // Of all connections, those to sentinels included; absent: none.
  std::optional<RedisTlsConfig> tls;
  // Both empty: no AUTH. A user needs an ACL (Redis 6).
  std::string username;
  std::string password;
  milliseconds connect_timeout{1000};
  // How long a command may wait for its reply, reconnections included, before its caller is told that Redis is away.
  milliseconds command_timeout{2000};
};

// Claude on Google Cloud.
struct VertexConfig {
  std::string project;
  // us-east5, ..., or `global`, or the multi-regions `us` and `eu`.
  std::string region = "global";
  // JSON file of a service account, an authorized user or a workload identity federation. Empty: the file that
  // GOOGLE_APPLICATION_CREDENTIALS names, else the metadata server.
  std::string credentials_file;
};

// How Bedrock is spoken to: InvokeModel with AWS' event stream, which serves every model, or the Messages API's own
// form, which serves the newer ones.
enum class BedrockWire { kInvoke, kMessages };

struct BedrockConfig {
  std::string region;
  BedrockWire wire = BedrockWire::kInvoke;
  // What requests are signed for; empty: follows from the URL.
  std::string service;
  // Without any of these, and without UpstreamConfig::api_key, credentials come from the environment, as for every
  // program that speaks to AWS.
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  // Of the shared credentials file.
  std::string profile;
};

struct UpstreamConfig {
  std::string name;
  // "anthropic", "bedrock", "vertex", "gemini" or "openai".
  std::string dialect = "anthropic";
  // https://host[:port][/prefix], or http:// for a host of one's own. Of Bedrock, Vertex AI and Gemini: empty, for
  // their own host.
  std::string url;
  std::string api_key;
  // The header that api_key is sent in; `bearer`: Authorization: Bearer.
  std::string auth = "x-api-key";
  // Sent with every request, in place of what the client sends under these names.
  std::map<std::string, std::string> headers;
  // Added to the query of every request: name=value[&name=value...].
  std::string query;
  // Seals the thinking of models that have no signatures of the Messages API's; empty: derived from `api_key`.
  std::string signing_key;
  // Of the dialect of that name only. Gemini has Vertex' where it is reached through Google Cloud: `project` is set.
  BedrockConfig bedrock;
  VertexConfig vertex;
  // Of "openai": the kind of upstream, a name in the dialect's own table; empty: the strictest common ground.
  std::string preset;
  // Of "openai": how it differs from that; a JSON object, or empty.
  std::string quirks;
  v1::Features features;
  // PEM file of the authorities to trust; empty: the system's.
  std::string ca_file;
  // Connections to this upstream from one shard; a request beyond waits.
  std::uint32_t max_connections = 1024;
  // Requests at once for each of its models, from one router; one more goes to the next provider, or is a 529.
  std::uint32_t max_in_flight = 4096;
  milliseconds connect_timeout{5000};
  // From the request's last byte to the response's head.
  milliseconds first_byte_timeout{300000};
  // Between two bytes of a response.
  milliseconds idle_timeout{300000};
};

struct LimitsConfig {
  // A larger request body is a 413. Anthropic's own limit is 32 MB.
  std::uint64_t body_bytes = 32 * 1024 * 1024;
  std::uint32_t header_bytes = 32 * 1024;
  std::uint32_t header_count = 100;
  // Open client connections of the process; one more is closed at once.
  std::uint32_t connections = 10000;
  // Of these, connections of one client address (of an IPv6 /64), and requests of one that come through trusted
  // proxies; one more is closed at once, or is a 429. 0: no limit.
  std::uint32_t connections_per_address = 1000;
  // Memory of the process for the bodies of requests under way; what would need more is a 529.
  std::uint64_t in_flight_bytes = 1024 * 1024 * 1024;
  // The least that a client sends of a body, or takes of a response while something is there for it, once it has used
  // up three times timeouts.body or timeouts.write. 0: no limit.
  std::uint32_t bytes_per_second = 1024;
  // Keys that do not work, from one client address; beyond, no key of its is looked at for a while but those that have
  // worked: a 429. 0: no limit.
  std::uint32_t failed_keys_per_minute = 60;
  // A longer non-streamed response of an upstream is an error.
  std::uint64_t response_bytes = 64 * 1024 * 1024;
  // Streams of each thread that are read to their end although their client has left, at providers that bill them to
  // the end anyway (`bills_after_abort` in the catalog); one more is aborted and charged by what was streamed.
  std::uint32_t drained_streams = 256;
};

// Who comes, and by which way.
struct AccessConfig {
  // Networks (10.0.0.0/8) of proxies of one's own, whose word about their clients counts: their X-Forwarded-For, and
  // the PROXY protocol.
  std::vector<std::string> trusted_proxies;
  // Each connection from a trusted proxy begins with a header of the PROXY protocol, version 1 or 2.
  bool proxy_protocol = false;
  // Networks for which the limits of one address do not count.
  std::vector<std::string> unlimited_addresses = {"127.0.0.0/8", "::1"};
};

struct TimeoutsConfig {
  // From the first byte of a request to the end of its headers, as a whole.
  milliseconds header{10000};
  // Between two reads of a request's body.
  milliseconds body{30000};
  // An unused kept-alive client connection.
  milliseconds idle{120000};
  // A client that does not take what is written to it.
  milliseconds write{60000};
  // Silence on a stream, after which the client gets a `ping` event while the upstream is known to be alive.
  milliseconds ping{15000};
  // How long a stream is read after its client has left, where that is done at all.
  milliseconds abandoned{600000};
  // How long running requests may take to end after SIGTERM.
  milliseconds drain{30000};
};

// Where records go beside Redis: one JSON object a line.
struct ActivityFileConfig {
  // Relative to the configuration file; `-`: standard output. Empty: nowhere.
  std::string path;
  // A file that has grown to this is renamed to <path>.1, that one to <path>.2, ...; 0: never.
  std::uint64_t bytes = 64 * 1024 * 1024;
  // How many of them are kept beside <path>.
  std::uint32_t kept = 8;
};

// How long what was asked is remembered, for each workspace. Of Redis' memory about 490 bytes for each record, 180 for
// each key, model, provider and status of an hour or day, 450 for each session.
struct ActivityConfig {
  std::chrono::days raw_ttl{30};
  std::uint64_t raw_count = 1'000'000;
  std::chrono::days hourly{90};
  std::chrono::days daily{1100};
  std::uint64_t sessions = 50'000;
  ActivityFileConfig file;
};

struct BudgetConfig {
  // A hold not renewed for this long is settled at its last checkpoint.
  milliseconds lease{30000};
  // How long the record of a settled generation is kept, which makes a repeated settlement harmless.
  milliseconds settled_ttl{7 * 24 * 3600 * 1000ll};
  // `activity` of the file.
  ActivityConfig activity;
};

// PEM files, read again when they change.
struct ServicesTlsConfig {
  // The authority that signs the certificates of the suite's processes, and no others: whoever has one may call.
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

// The suite's gRPC targets, such as dns:///router:8788. `tollgate serve` has all in itself and reads none of them.
struct ServicesConfig {
  std::string router;
  std::string budget;
  // Of all upstreams that are not in `adapters`.
  std::string adapter;
  // By upstream.
  std::map<std::string, std::string> adapters;
  // Between these processes, both ends show a certificate; absent: no TLS.
  std::optional<ServicesTlsConfig> tls;
};

struct LoggingConfig {
  // trace, debug, info, warn, error, off.
  std::string level = "info";
  // Core dumps, and debuggers of the same user: they see every key. For hunting a fault only.
  bool core_dumps = false;
};

struct TelemetryConfig {
  // host:port where this process shows its metrics to Prometheus; empty: nowhere. Whoever reaches it may read them.
  std::string metrics;
  // Sends W3C's trace context (traceparent, tracestate) to upstreams, too.
  bool propagate_upstream = false;
};

struct Config {
  ListenConfig listen;
  RedisConfig redis;
  // By name.
  std::map<std::string, UpstreamConfig> upstreams;
  // Path of the catalog, relative to the configuration file; empty: the built-in one.
  std::string catalog_file;
  LimitsConfig limits;
  TimeoutsConfig timeouts;
  AccessConfig access;
  BudgetConfig budget;
  ServicesConfig services;
  LoggingConfig logging;
  TelemetryConfig telemetry;
  // Shards; 0: one for each processor.
  std::uint32_t threads = 0;

  std::set<std::string> upstream_names() const;
  // By upstream.
  std::map<std::string, v1::Features> upstream_features() const;
};

// Whose secrets a program needs: one that manages keys has no use for the upstreams'.
enum class Secrets { kAll, kWithoutUpstreams };

// Reads and checks the file. The error names the field by its path, the value and what was expected; all errors of the
// file at once, one a line. Secrets are references: "${VAR}" or "${file:/path}".
absl::StatusOr<Config> load_config(const std::string& path, Secrets secrets = Secrets::kAll);

}  // namespace tollgate
