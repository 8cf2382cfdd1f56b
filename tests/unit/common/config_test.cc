#include "services/common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/common/config/json_file.h"
#include "services/common/config/providers.h"

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("config_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) const {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  absl::StatusOr<Config> load(const std::string& text) const { return load_config(write("tollgate.json", text)); }
  std::string problem(const std::string& text) const { return std::string(load(text).status().message()); }

  std::filesystem::path directory_;
};

TEST_F(ConfigTest, AnEmptyDocumentIsTheDefaults) {
  const auto config = load("{}");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen.http, "127.0.0.1:8787");
  EXPECT_EQ(config->limits.body_bytes, 32u * 1024 * 1024);
  EXPECT_TRUE(config->telemetry.metrics.empty());
  EXPECT_FALSE(config->telemetry.propagate_upstream);
  EXPECT_TRUE(config->catalog_file.empty());
}

TEST_F(ConfigTest, ReadsEveryPart) {
  ::setenv("CONFIG_TEST_SECRET", "s3cret", 1);
  const std::string file = write("key", "from file\n");
  const auto config = load(R"(// comment
    {
      "listen": {"http": "0.0.0.0:80", "grpc": "", "tls": {"certificate_file": "/c", "key_file": "/k"}},
      "redis": {"address": "unix:/tmp/r.sock", "username": "u", "password": "${CONFIG_TEST_SECRET}",
                "connect_timeout_ms": 5, "command_timeout_ms": 6},
      "upstreams": {
        "anthropic": {"dialect": "anthropic", "url": "https://api.anthropic.com", "api_key": "${file:)" +
                           file + R"(}"},
        "own": {"url": "http://10.0.0.1:8000/v", "auth": "bearer", "ca_file": "/ca", "max_connections": 3, "max_in_flight": 4,
                "connect_timeout_ms": 1, "first_byte_timeout_ms": 2, "idle_timeout_ms": 3}
      },
      "catalog": {"file": "models.json"}, /* comment */
      "limits": {"body_bytes": 2048, "header_bytes": 4096, "header_count": 50, "connections": 9, "response_bytes": 4096,
                 "drained_streams": 7, "connections_per_address": 3, "in_flight_bytes": 4096, "bytes_per_second": 0,
                 "failed_keys_per_minute": 5},
      "access": {"trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"], "proxy_protocol": true, "unlimited_addresses": []},
      "timeouts": {"header_ms": 1, "body_ms": 2, "idle_ms": 3, "write_ms": 4, "ping_ms": 5, "abandoned_ms": 7, "drain_ms": 6},
      "budget": {"lease_ms": 300, "settled_ttl_ms": 60000},
      "activity": {"raw_ttl_days": 7, "raw_count": 1000, "hourly_days": 10, "daily_days": 20, "sessions": 30,
                   "file": {"path": "-", "bytes": 4096, "kept": 2}},
      "services": {"router": "dns:///r:1", "budget": "dns:///b:1", "adapter": "dns:///a:1"},
      "logging": {"level": "warn", "core_dumps": true},
      "telemetry": {"metrics": "0.0.0.0:9464", "propagate_upstream": true},
      "threads": 2
    })");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->redis.password, "s3cret");
  EXPECT_EQ(config->upstreams.at("anthropic").api_key, "from file");
  EXPECT_EQ(config->upstreams.at("own").auth, "bearer");
  EXPECT_EQ(config->upstreams.at("own").idle_timeout, milliseconds(3));
  EXPECT_EQ(config->upstreams.at("own").max_in_flight, 4u);
  EXPECT_EQ(config->catalog_file, (directory_ / "models.json").string());
  EXPECT_EQ(config->limits.connections, 9u);
  EXPECT_EQ(config->limits.connections_per_address, 3u);
  EXPECT_EQ(config->limits.in_flight_bytes, 4096u);
  EXPECT_EQ(config->limits.bytes_per_second, 0u);
  EXPECT_EQ(config->limits.failed_keys_per_minute, 5u);
  EXPECT_EQ(config->access.trusted_proxies.size(), 2u);
  EXPECT_TRUE(config->access.proxy_protocol);
  EXPECT_TRUE(config->access.unlimited_addresses.empty());
  EXPECT_TRUE(config->logging.core_dumps);
  EXPECT_EQ(config->timeouts.ping, milliseconds(5));
  EXPECT_EQ(config->services.adapter, "dns:///a:1");
  EXPECT_EQ(config->telemetry.metrics, "0.0.0.0:9464");
  EXPECT_TRUE(config->telemetry.propagate_upstream);
  EXPECT_EQ(config->threads, 2u);
  EXPECT_EQ(config->budget.activity.raw_ttl, std::chrono::days(7));
  EXPECT_EQ(config->budget.activity.sessions, 30u);
  EXPECT_EQ(config->budget.activity.file.path, "-");
  EXPECT_EQ(config->budget.activity.file.kept, 2u);
}

TEST_F(ConfigTest, NamesTheFieldTheValueAndWhatWasExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"listne": {}})", "listne: is not known here; known are"},
      {R"({"listen": {"http": 80}})", "listen.http: expected a string, found 80"},
      {R"({"listen": {"http": "localhost"}})", "listen.http: expected host:port, found \"localhost\""},
      {R"({"telemetry": {"metrics": "9464"}})", "telemetry.metrics: expected host:port, found \"9464\""},
      {R"({"telemetry": {"propagate_upstream": 1}})", "telemetry.propagate_upstream: expected"},
      {R"({"listen": []})", "listen: expected an object, found []"},
      {R"({"listen": {"tls": {"key_file": "k"}}})", "give both or neither"},
      {R"({"limits": {"body_bytes": "32MB"}})", "limits.body_bytes: expected a whole number from 1024"},
      {R"({"limits": {"body_bytes": 1.5}})", "found 1.5"},
      {R"({"limits": {"in_flight_bytes": 1}})", "limits.in_flight_bytes: expected a whole number from 1024"},
      {R"({"access": {"trusted_proxies": ["10.0.0.1/8"]}})", "access.trusted_proxies: expected networks"},
      {R"({"access": {"unlimited_addresses": ["localhost"]}})", "found \"localhost\""},
      {R"({"access": {"proxy_protocol": true}})", "access.proxy_protocol: needs access.trusted_proxies"},
      {R"({"logging": {"core_dumps": 1}})", "logging.core_dumps"},
      {R"({"limits": {"body_bytes": 99999999999999999999}})", "limits.body_bytes: expected a whole number"},
      {R"({"timeouts": {"idle_ms": -1}})", "timeouts.idle_ms: expected a whole number from 1"},
      {R"({"upstreams": {"a": {}}})", "upstreams.a.url: is required"},
      {R"({"upstreams": {"a": {"url": "ftp://x"}}})", "upstreams.a.url: expected https://"},
      {R"({"upstreams": {"a": {"url": "https://x", "dialect": "smoke"}}})", "upstreams.a.dialect: expected one of"},
      {R"({"upstreams": {"a": {"dialect": "vertex"}}})", "upstreams.a.project: is required"},
      {R"({"upstreams": {"a": {"dialect": "vertex", "project": "p/../q"}}})", "upstreams.a.project: expected the id"},
      {R"({"upstreams": {"a": {"dialect": "vertex", "project": "p", "region": "evil.com/x"}}})",
       "upstreams.a.region: expected a region"},
      {R"({"upstreams": {"a": {"dialect": "vertex", "project": "p", "region": "evil.com"}}})",
       "upstreams.a.region: expected a region"},
      {R"({"upstreams": {"a": {"dialect": "vertex", "project": "p", "api_key": "${X}"}}})",
       "upstreams.a.api_key: does not go with project"},
      {R"({"upstreams": {"a": {"dialect": "gemini"}}})", "upstreams.a.api_key: expected a key of Google AI Studio"},
      {R"({"upstreams": {"a": {"dialect": "gemini", "project": "p", "api_key": "${X}"}}})",
       "upstreams.a.api_key: does not go with project"},
      {R"({"upstreams": {"a": {"dialect": "gemini", "api_key": "${HOME}", "region": "global"}}})",
       "upstreams.a.region: goes with project"},
      {R"({"upstreams": {"a": {"dialect": "gemini", "api_key": "${HOME}", "auth": "bearer"}}})",
       "upstreams.a.auth: a key of Google AI Studio"},
      {R"({"upstreams": {"a": {"url": "https://x", "signing_key": "clear"}}})", "upstreams.a.signing_key: "},
      {R"({"upstreams": {"a": {"dialect": "vertex", "project": "p", "credentials_file": "/nowhere/k"}}})",
       "upstreams.a.credentials_file: the file /nowhere/k cannot be read"},
      {R"({"upstreams": {"a": {"url": "https://x", "project": "p"}}})", "upstreams.a.project: is not known here"},
      {R"({"upstreams": {"a": {"url": "https://x", "auth": "api key"}}})", "upstreams.a.auth: expected \"bearer\""},
      {R"({"upstreams": {"a": {"url": "https://x", "headers": {"a b": "c"}}}})", "\"a b\" is no header"},
      {R"({"upstreams": {"a": {"url": "https://x", "headers": {"a": "b\nc: d"}}}})", "\"a\" is no header"},
      {R"({"upstreams": {"a": {"url": "https://x", "headers": {"a": 1}}}})", "expected an object of strings"},
      {R"({"upstreams": {"a": {"url": "https://x", "headers": {"a": "${CONFIG_TEST_UNSET}"}}}})",
       "upstreams.a.headers.a: the environment variable CONFIG_TEST_UNSET is not set"},
      {R"({"upstreams": {"a": {"url": "https://x", "query": "?a=b"}}})", "upstreams.a.query: expected name=value"},
      {R"({"upstreams": {"a": {"url": "https://x", "features": {"beta": {}}}}})",
       "upstreams.a.features.beta: is not known here"},
      {R"({"upstreams": {"a": {"url": "https://x", "features": {"betas": {"rename": {"a": "b,c"}}}}}})",
       "upstreams.a.features.betas.rename.a: expected the name of a flag"},
      {R"({"upstreams": {"a": {"url": "https://x", "features": {"mid_conversation_system": "no"}}}})",
       "mid_conversation_system: expected true or false"},
      {R"({"upstreams": [1]})", "upstreams: expected an object of objects"},
      {R"({"redis": {"address": "rediss://x:1"}})", "redis.address: expected host:port or unix:/path"},
      {R"({"redis": {"address": "a:1", "sentinel": {"master": "m", "addresses": ["a:1"]}}})",
       "redis.sentinel: does not go with redis.address"},
      {R"({"redis": {"address": "a:1", "cluster": {"addresses": ["a:1"]}}})",
       "redis.cluster: does not go with redis.address"},
      {R"({"redis": {"sentinel": {"master": "m", "addresses": ["a:1"]}, "cluster": {"addresses": ["a:1"]}}})",
       "redis.cluster: does not go with redis.sentinel"},
      {R"({"redis": {"sentinel": {"addresses": ["a:1"]}}})", "redis.sentinel.master: is required"},
      {R"({"redis": {"sentinel": {"master": "m"}}})", "redis.sentinel.addresses: expected at least one host:port"},
      {R"({"redis": {"sentinel": {"master": "m", "addresses": ["a"]}}})",
       "redis.sentinel.addresses: expected host:port, found \"a\""},
      {R"({"redis": {"sentinel": {"master": "m", "addresses": ["a:1"], "username": "u"}}})",
       "redis.sentinel.username: needs redis.sentinel.password"},
      {R"({"redis": {"sentinel": {"master": "m", "addresses": ["a:1"], "password": "clear"}}})",
       "redis.sentinel.password: expected a reference"},
      {R"({"redis": {"sentinel": 1}})", "redis.sentinel: expected an object"},
      {R"({"redis": {"cluster": {"addresses": []}}})", "redis.cluster.addresses: expected at least one host:port"},
      {R"({"redis": {"cluster": {"addresses": ["a:1"], "nodes": 1}}})", "redis.cluster.nodes: "},
      {R"({"redis": {"address": "unix:/r", "tls": {}}})", "redis.tls: a Unix socket has no TLS"},
      {R"({"redis": {"tls": {"ca_file": "/nowhere/ca"}}})", "redis.tls.ca_file: the file /nowhere/ca cannot be read"},
      {R"({"redis": {"tls": {"key_file": "/dev/null"}}})", "redis.tls.certificate_file: goes with redis.tls.key_file"},
      {R"({"redis": {"password": "${CONFIG_TEST_UNSET}"}})", "the environment variable CONFIG_TEST_UNSET is not set"},
      {R"({"redis": {"password": "${file:/nowhere/x}"}})", "the file /nowhere/x cannot be read"},
      {R"({"activity": {"raw_ttl_days": 0}})", "activity.raw_ttl_days: expected a whole number from 1"},
      {R"({"activity": {"file": "-"}})", "activity.file: expected an object"},
      {R"({"activity": {"file": {"kept": -1}}})", "activity.file.kept: expected a whole number from 0"},
      {R"({"logging": {"level": "loud"}})", "logging.level: expected one of trace"},
      {R"([])", "the document: expected an object"},
      {R"({"threads": 1, "threads": 2})", "\"threads\" stands twice"},
      {"{\n\"threads\": }", "tollgate.json:2: "},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(problem(text), HasSubstr(expected)) << text;
}

TEST_F(ConfigTest, UpstreamsOfEveryKind) {
  ::setenv("CONFIG_TEST_SECRET", "s3cret", 1);
  const auto config = load(R"({"upstreams": {
      "foundry": {"url": "https://r.services.ai.azure.com/anthropic", "api_key": "${CONFIG_TEST_SECRET}",
                  "auth": "api-key", "query": "api-version=1", "headers": {"x-team": "a", "x-pass": "${CONFIG_TEST_SECRET}"}},
      "vertex": {"dialect": "vertex", "project": "example.com:p", "region": "us-east5",
                 "features": {"anthropic_versions": ["2023-06-01"], "mid_conversation_system": false,
                              "betas": {"drop": ["a-*"], "rename": {"b": "c"}, "refuse": ["d"], "only": ["e"]}}}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  const UpstreamConfig& foundry = config->upstreams.at("foundry");
  EXPECT_EQ(foundry.auth, "api-key");
  EXPECT_EQ(foundry.query, "api-version=1");
  EXPECT_EQ(foundry.headers.at("x-team"), "a");
  EXPECT_EQ(foundry.headers.at("x-pass"), "s3cret");
  EXPECT_FALSE(foundry.features.has_mid_conversation_system());
  const UpstreamConfig& vertex = config->upstreams.at("vertex");
  EXPECT_EQ(vertex.vertex.project, "example.com:p");
  EXPECT_EQ(vertex.vertex.region, "us-east5");
  EXPECT_EQ(vertex.url, "");
  const v1::Features features = config->upstream_features().at("vertex");
  EXPECT_TRUE(features.has_mid_conversation_system());
  EXPECT_FALSE(features.mid_conversation_system());
  EXPECT_EQ(features.betas().rename().at("b"), "c");
  EXPECT_EQ(features.betas().drop(0), "a-*");
}

TEST_F(ConfigTest, AKnownProviderNeedsNoMoreThanItsKey) {
  ::setenv("CONFIG_TEST_SECRET", "s3cret", 1);
  const auto config = load(R"({"upstreams": {
      "anthropic": {"api_key": "${CONFIG_TEST_SECRET}"},
      "vercel": {"api_key": "${CONFIG_TEST_SECRET}"},
      "bedrock-eu": {"region": "eu-west-1"},
      "minimax": {"url": "https://proxy.example.com", "auth": "x-api-key"},
      "deepseek": {"url": "https://api.deepseek.com/anthropic"},
      "azure": {"url": "https://me.openai.azure.com/openai/v1", "dialect": "anthropic"},
      "bedrock": {"region": "us-east-1", "url": "https://proxy.example.com"},
      "unheard-of": {"url": "https://example.com"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto& upstreams = config->upstreams;
  EXPECT_EQ(upstreams.at("anthropic").url, "https://api.anthropic.com");
  EXPECT_EQ(upstreams.at("anthropic").auth, "x-api-key");
  EXPECT_EQ(upstreams.at("anthropic").dialect, "anthropic");
  EXPECT_EQ(upstreams.at("vercel").url, "https://ai-gateway.vercel.sh");
  EXPECT_EQ(upstreams.at("vercel").auth, "bearer");
  EXPECT_EQ(upstreams.at("bedrock-eu").dialect, "bedrock");
  // What the section says counts.
  EXPECT_EQ(upstreams.at("minimax").url, "https://proxy.example.com");
  EXPECT_EQ(upstreams.at("minimax").auth, "x-api-key");
  EXPECT_EQ(upstreams.at("deepseek").dialect, "anthropic") << "another upstream than the one that is known";
  EXPECT_EQ(upstreams.at("azure").dialect, "anthropic");
  EXPECT_EQ(upstreams.at("bedrock").dialect, "bedrock") << "which has no URL to be known by";
  EXPECT_EQ(upstreams.at("unheard-of").dialect, "anthropic");
  // The address that is known is the other dialect's.
  const auto without_url = load(R"({"upstreams": {"deepseek": {"dialect": "anthropic"}}})");
  EXPECT_THAT(std::string(without_url.status().message()), HasSubstr("upstreams.deepseek.url: is required"));
}

TEST_F(ConfigTest, EveryKnownProviderCanBeConfigured) {
  for (const auto& [name, provider] : known_providers()) {
    EXPECT_FALSE(provider.slug.empty()) << name;
    EXPECT_THAT(provider.dialect, testing::AnyOf("anthropic", "bedrock", "vertex", "openai", "gemini")) << name;
    EXPECT_THAT(provider.url, testing::AnyOf("", testing::StartsWith("https://"))) << name;
    EXPECT_FALSE(provider.url.ends_with('/')) << name;
  }
  EXPECT_EQ(provider_slug("bedrock"), "amazon-bedrock");
  EXPECT_EQ(provider_slug("nobody"), "nobody");
  EXPECT_EQ(known_provider("nobody"), nullptr);
}

TEST_F(ConfigTest, RedisOfEveryKind) {
  ::setenv("CONFIG_TEST_SECRET", "s3cret", 1);
  auto config = load(R"({"redis": {"sentinel": {"master": "mymaster", "addresses": ["a:1", "[::1]:2"], "username": "w",
                                                "password": "${CONFIG_TEST_SECRET}"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->redis.sentinel);
  EXPECT_FALSE(config->redis.cluster);
  EXPECT_EQ(config->redis.sentinel->master, "mymaster");
  EXPECT_THAT(config->redis.sentinel->addresses, testing::ElementsAre("a:1", "[::1]:2"));
  EXPECT_EQ(config->redis.sentinel->username, "w");
  EXPECT_EQ(config->redis.sentinel->password, "s3cret");
  config = load(R"({"redis": {"cluster": {"addresses": ["a:1", "b:1"]}, "password": "${CONFIG_TEST_SECRET}"}})");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->redis.cluster);
  EXPECT_THAT(config->redis.cluster->addresses, testing::ElementsAre("a:1", "b:1"));
  EXPECT_EQ(config->redis.password, "s3cret");
}

TEST_F(ConfigTest, TlsToRedisNeedsALibraryThatCan) {
  const auto config = load(R"({"redis": {"address": "a:1", "tls": {"server_name": "redis.example"}}})");
#if TOLLGATE_REDIS_TLS
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->redis.tls);
  EXPECT_EQ(config->redis.tls->server_name, "redis.example");
#else
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("redis.tls: this build cannot speak TLS to Redis"));
#endif
}

TEST_F(ConfigTest, ReportsAllProblemsAtOnce) {
  const std::string text = problem(R"({"listen": {"http": 1}, "threads": -1, "nonsense": 0})");
  EXPECT_THAT(text, HasSubstr("listen.http"));
  EXPECT_THAT(text, HasSubstr("threads"));
  EXPECT_THAT(text, HasSubstr("nonsense"));
}

TEST_F(ConfigTest, NeverRepeatsASecretWrittenInClear) {
  const std::string text = problem(R"({"upstreams": {"a": {"url": "https://x", "api_key": "sk-ant-canary"}}})");
  EXPECT_THAT(text, HasSubstr("upstreams.a.api_key"));
  EXPECT_THAT(text, Not(HasSubstr("canary")));
}

TEST_F(ConfigTest, ManagingKeysNeedsNoSecretOfAnUpstream) {
  const std::string file =
      write("tollgate.json", R"({"upstreams": {"a": {"url": "https://x", "api_key": "${UNSET_X}"}}})");
  EXPECT_FALSE(load_config(file).ok());
  EXPECT_TRUE(load_config(file, Secrets::kWithoutUpstreams).ok());
  const std::string clear = write("clear.json", R"({"upstreams": {"a": {"url": "https://x", "api_key": "sk-ant"}}})");
  EXPECT_FALSE(load_config(clear, Secrets::kWithoutUpstreams).ok());
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
  EXPECT_THAT(std::string(load_config("/nowhere/tollgate.json").status().message()),
              HasSubstr("/nowhere/tollgate.json"));
}

TEST_F(ConfigTest, ReadsBedrock) {
  ::setenv("CONFIG_TEST_SECRET", "s3cret", 1);
  const auto config = load(R"({"upstreams": {
    "plain": {"dialect": "bedrock", "region": "us-east-1"},
    "own": {"dialect": "bedrock", "region": "eu-west-3", "wire": "messages", "service": "bedrock",
            "url": "https://proxy", "credentials": {"access_key_id": "${CONFIG_TEST_SECRET}",
            "secret_access_key": "${CONFIG_TEST_SECRET}", "session_token": "${CONFIG_TEST_SECRET}"}}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->upstreams.at("plain").bedrock.wire, BedrockWire::kInvoke);
  EXPECT_EQ(config->upstreams.at("plain").url, "");
  const BedrockConfig& own = config->upstreams.at("own").bedrock;
  EXPECT_EQ(own.region, "eu-west-3");
  EXPECT_EQ(own.wire, BedrockWire::kMessages);
  EXPECT_EQ(own.service, "bedrock");
  EXPECT_EQ(own.access_key_id + own.secret_access_key + own.session_token, "s3crets3crets3cret");
  // A program without use for them does not read them, nested or not.
  const auto without =
      load_config(write("tollgate.json", R"({"upstreams": {"b": {"dialect": "bedrock", "region": "r", "credentials":
        {"access_key_id": "${CONFIG_TEST_NONE}", "secret_access_key": "${CONFIG_TEST_NONE}"}}}})"),
                  Secrets::kWithoutUpstreams);
  EXPECT_TRUE(without.ok()) << without.status();
}

TEST_F(ConfigTest, SaysWhatIsWrongWithBedrock) {
  const auto with = [this](const std::string& members) {
    return problem(R"({"upstreams": {"b": {"dialect": "bedrock", )" + members + "}}}");
  };
  EXPECT_THAT(with(R"("wire": "invoke")"), HasSubstr("upstreams.b.region: is required"));
  EXPECT_THAT(with(R"("region": "us/../x")"), HasSubstr("upstreams.b.region: expected a region such as us-east-1"));
  EXPECT_THAT(with(R"("region": "r", "wire": "converse")"), HasSubstr("upstreams.b.wire: expected one of invoke"));
  EXPECT_THAT(with(R"("region": "r", "auth": "bearer")"), HasSubstr("upstreams.b.auth: an API key of Bedrock"));
  const std::string credentials = R"("region": "r", "credentials": )";
  EXPECT_THAT(with(credentials + R"({"access_key_id": "${X}"})"), HasSubstr("goes with secret_access_key"));
  EXPECT_THAT(with(credentials + R"({"access_key_id": "AKIA"})"), HasSubstr("secrets do not stand in the file"));
  EXPECT_THAT(with(credentials + R"({"session_token": "${X}"})"), HasSubstr("goes with access_key_id"));
  EXPECT_THAT(with(credentials + R"({"key": "${X}"})"), HasSubstr("upstreams.b.credentials.key: "));
  EXPECT_THAT(with(credentials + R"({"profile": "p"}, "api_key": "${X}")"), HasSubstr("does not go with credentials"));
  EXPECT_THAT(problem(R"({"upstreams": {"a": {"url": "https://a", "region": "r"}}})"),
              HasSubstr("upstreams.a.region: "));
}

TEST_F(ConfigTest, WhatATranslatedDialectCanExpress) {
  Config config;
  for (const char* dialect : {"anthropic", "openai", "gemini"})
    config.upstreams[dialect].dialect = dialect;
  const auto features = config.upstream_features();
  const auto expresses = [&](const char* dialect, const char* member) {
    const auto& all = features.at(dialect).parameters();
    return all.empty() || std::find(all.begin(), all.end(), member) != all.end();
  };
  EXPECT_TRUE(expresses("anthropic", "context_management"));
  EXPECT_FALSE(expresses("openai", "context_management"));
  EXPECT_FALSE(expresses("gemini", "context_management"));
  EXPECT_TRUE(expresses("openai", "tools"));
  EXPECT_FALSE(expresses("openai", "top_k"));
  EXPECT_TRUE(expresses("gemini", "top_k"));
}

}  // namespace
}  // namespace tollgate
