// The management API: who may call it, what it answers, what it leaves out of the log.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "services/common/base/digest.h"
#include "tests/integration/gateway/edge_testing.h"

namespace tollgate {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ManagementTest : public EdgeTest {
 protected:
  static std::string request(const std::string& method, const std::string& path, const std::string& body = "",
                             const std::string& key = "sk-tg-v1-manager") {
    return fmt::format("{} {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}", method,
                       path, key, body.size(), body);
  }

  // Asks with the management key; the answer's JSON. `status` is what it must have.
  json managed(unsigned status, const std::string& method, const std::string& path, const std::string& body = "") {
    const bool reads = method == "GET";
    const RawResponse response =
        ask(reads ? get(path, "Authorization: Bearer sk-tg-v1-manager\r\n") : request(method, path, body));
    EXPECT_EQ(response.status, status) << method << " " << path << " " << body << ": " << response.body;
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    EXPECT_EQ(response.headers.at("cache-control"), "no-store");
    EXPECT_EQ(response.headers.count("x-should-retry"), 0u);
    return json::parse(response.body);
  }

  json create(const std::string& body) { return managed(201, "POST", "/api/v1/keys", body); }

  static std::string path_of(const json& created) {
    return "/api/v1/keys/" + created["data"]["hash"].get<std::string>();
  }
};

const std::vector<std::pair<std::string, std::string>> kCalls = {
    {"GET", "/v1/keys"},
    {"POST", "/v1/keys"},
    {"GET", "/v1/keys/" + sha256_hex("sk-tg-v1-good")},
    {"PATCH", "/v1/keys/" + sha256_hex("sk-tg-v1-good")},
    {"DELETE", "/v1/keys/" + sha256_hex("sk-tg-v1-good")},
    {"GET", "/v1/credits"},
    {"GET", "/v1/workspaces"},
    {"POST", "/v1/workspaces"},
    {"GET", "/v1/workspaces/default"},
    {"PATCH", "/v1/workspaces/default"},
    {"DELETE", "/v1/workspaces/default"},
};

TEST_F(ManagementTest, NeedsAManagementKey) {
  start();
  struct Row {
    std::string key;
    int status;
  };
  const std::vector<Row> rows = {{"", 401},
                                 {"Authorization: Bearer sk-tg-v1-unknown\r\n", 401},
                                 {"Authorization: Bearer sk-tg-v1-retired\r\n", 401},
                                 {"x-api-key: sk-tg-v1-expired\r\n", 401},
                                 {"x-api-key: sk-tg-v1-good\r\n", 403},
                                 {"Authorization: Bearer sk-tg-v1-away\r\n", 503}};
  for (const auto& [method, path] : kCalls) {
    for (const Row& row : rows) {
      // What is asked for does not matter before it is known who asks.
      const bool with_body = method == "POST" || method == "PATCH";
      const std::string body = with_body ? "Content-Length: 1\r\n\r\n{" : "\r\n";
      const RawResponse response = ask(method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + row.key + body);
      EXPECT_EQ(response.status, static_cast<unsigned>(row.status)) << method << path << row.key;
      const json error = json::parse(response.body)["error"];
      EXPECT_EQ(error["code"], row.status) << method << path << row.key;
      EXPECT_TRUE(error["message"].is_string()) << method << path << row.key;
    }
  }
  EXPECT_EQ(keys_.changes(), 0u);
}

TEST_F(ManagementTest, ErrorsAreOpenRoutersWhateverTheClient) {
  start();
  const std::string headers = "x-api-key: sk-tg-v1-good\r\nanthropic-version: 2023-06-01\r\n";
  const RawResponse response = ask(get("/v1/keys", headers));
  EXPECT_EQ(json::parse(response.body)["error"]["code"], 403);
}

TEST_F(ManagementTest, ManagesAndListsModels) {
  start();
  EXPECT_EQ(ask(get("/v1/models", "Authorization: Bearer sk-tg-v1-manager\r\n")).status, 200u);
  const RawResponse own = ask(get("/v1/key", "Authorization: Bearer sk-tg-v1-manager\r\n"));
  EXPECT_EQ(json::parse(own.body)["data"]["is_management_key"], true);
  EXPECT_EQ(json::parse(own.body)["data"]["is_provisioning_key"], true);
}

TEST_F(ManagementTest, ALifeOfAKey) {
  start();
  for (const std::string prefix : {"", "/api", "/anthropic"}) {
    const std::string keys = prefix + "/v1/keys";
    const std::string name = "ci" + std::to_string(prefix.size());
    const json created =
        managed(201, "POST", keys,
                fmt::format(R"({{"name":"{}","limit":0.1,"limit_reset":"daily","external":{{"user":"x"}}}})", name));
    EXPECT_EQ(created["key"], "sk-tg-v1-" + name);
    const std::string path = keys + "/" + created["data"]["hash"].get<std::string>();
    EXPECT_EQ(created["data"]["limit"], 0.1);
    EXPECT_EQ(created["data"]["limit_reset"], "daily");
    EXPECT_EQ(created["data"]["external_user"], "x");

    json shown = managed(200, "GET", path);
    EXPECT_EQ(shown["data"], created["data"]);
    EXPECT_FALSE(shown.contains("key"));
    EXPECT_EQ(managed(200, "PATCH", path, "{}")["data"], created["data"]) << "nothing was asked for";
    shown = managed(200, "PATCH", path, R"({"name":"new","disabled":true,"limit":9007199.254740991})");
    EXPECT_EQ(shown["data"]["name"], "new");
    EXPECT_EQ(shown["data"]["disabled"], true);
    EXPECT_EQ(shown["data"]["limit"], 9007199.254740991);
    EXPECT_EQ(shown["data"]["limit_reset"], "daily");
    shown = managed(200, "PATCH", path, R"({"limit":null})");
    EXPECT_TRUE(shown["data"]["limit"].is_null());

    EXPECT_EQ(managed(200, "DELETE", path), json::parse(R"({"deleted":true})"));
    for (const std::string method : {"GET", "PATCH", "DELETE"})
      EXPECT_EQ(managed(404, method, path, "{}")["error"]["code"], 404);
  }
}

TEST_F(ManagementTest, SeveralLimits) {
  start();
  const json created = create(
      R"({"name":"ci","limits":[{"limit":5,"limit_reset":"daily"},{"limit":100,"limit_reset":"monthly"}],
          "hold_mode":"expected","allowed_models":["anthropic/*"],"requests_per_minute":60,"workspace_id":"team"})");
  EXPECT_EQ(created["data"]["limits"].size(), 2u);
  EXPECT_EQ(created["data"]["limit"], 5);
  EXPECT_EQ(created["data"]["hold_mode"], "expected");
  EXPECT_EQ(created["data"]["allowed_models"], json({"anthropic/*"}));
  EXPECT_EQ(created["data"]["requests_per_minute"], 60);
  EXPECT_EQ(created["data"]["workspace_id"], "team");
  const std::string path = path_of(created);
  const json refused = managed(400, "PATCH", path, R"({"limit":6})");
  EXPECT_THAT(refused["error"]["message"].get<std::string>(), HasSubstr("use limits"));
  const json changed = managed(200, "PATCH", path, R"({"limits":[{"limit":7,"limit_reset":"weekly"}]})");
  EXPECT_EQ(changed["data"]["limits"].size(), 1u);
  EXPECT_EQ(changed["data"]["limit_reset"], "weekly");
  // What OpenRouter's clients send works again.
  EXPECT_EQ(managed(200, "PATCH", path, R"({"limit":6})")["data"]["limit"], 6);
}

TEST_F(ManagementTest, NothingIsIgnored) {
  start();
  const std::string path = path_of(create(R"({"name":"ci"})"));
  const std::size_t before = keys_.changes();
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({"name":"x","budget":5})", "budget: a key has no such member. Known are: name, limits, limit,"},
      {R"({"name":"x","limit":-1})", "limit: expected USD"},
      {R"({"name":"x","limit":1e-10})", "limit: expected USD"},
      {R"({"name":"x","limit":NaN})", "The request body is not JSON"},
      {R"({"name":"x","limit":5,"limit":6})", "The member \"limit\" stands twice"},
      {R"({"name":"x","external":{"user":"u","api_key":"secret"}})", "external.api_key: is not supported"},
      {R"({"name":"x","workspace_id":"nowhere"})", "There is no workspace \"nowhere\"."},
      {R"({"limit":5})", "name: is missing"},
      {"", "The request body is not JSON"},
      {"name=x", "The request body is not JSON"},
      {"[]", "expected an object"},
      {std::string(60'000, '['), "The request body is nested deeper"},
  };
  for (const auto& [body, message] : rows)
    EXPECT_THAT(managed(400, "POST", "/v1/keys", body)["error"]["message"].get<std::string>(), StartsWith(message));
  for (const std::string body : {"", "{", "[]", R"({"budget":5})", R"({"limit":"5"})", R"({"management":true})"})
    EXPECT_EQ(managed(400, "PATCH", path, body)["error"]["code"], 400);
  EXPECT_EQ(keys_.changes(), before + 1) << "only the one that names an unknown workspace got so far";
}

TEST_F(ManagementTest, ListsInPages) {
  start();
  for (int i = 0; i < 102; ++i)
    create(fmt::format(R"({{"name":"key{}","workspace_id":"{}"}})", i, i % 2 == 0 ? "team" : "default"));
  managed(200, "PATCH", "/v1/keys/" + sha256_hex("sk-tg-v1-key0"), R"({"disabled":true})");
  const auto names = [&](const std::string& query) {
    std::vector<std::string> all;
    const json listed = managed(200, "GET", "/api/v1/keys" + query);
    for (const json& key : listed["data"])
      all.push_back(key["name"]);
    return all;
  };
  // Good, expired, manager, and all of the new ones but the first.
  EXPECT_EQ(names("").size(), 100u);
  EXPECT_EQ(names("?offset=100").size(), 4u);
  EXPECT_EQ(names("?offset=100").back(), "key101");
  EXPECT_EQ(names("?offset=104").size(), 0u);
  EXPECT_EQ(names("?include_disabled=true&offset=100").size(), 7u);
  EXPECT_EQ(names("?include_disabled=false&offset=100").size(), 4u);
  EXPECT_EQ(names("?workspace_id=team").size(), 50u);
  EXPECT_EQ(names("?workspace_id=team&include_disabled=true").size(), 51u);
  EXPECT_EQ(names("?workspace_id=default&offset=50").size(), 4u);
  for (const std::string query : {"?offset=x", "?offset=-1", "?offset=1.5", "?offset=99999999999999999999999",
                                  "?include_disabled=yes", "?include_disabled=1"})
    EXPECT_EQ(managed(400, "GET", "/v1/keys" + query)["error"]["code"], 400) << query;
}

TEST_F(ManagementTest, Workspaces) {
  start();
  const json created =
      managed(201, "POST", "/api/v1/workspaces",
              R"({"id":"team","name":"The team","limits":[{"limit":5,"limit_reset":"daily"},{"limit":50}]})");
  EXPECT_EQ(created["data"]["id"], "team");
  EXPECT_EQ(created["data"]["name"], "The team");
  EXPECT_EQ(created["data"]["limits"].size(), 2u);
  const std::string path = "/api/v1/workspaces/team";
  EXPECT_EQ(managed(200, "GET", path), created);
  EXPECT_EQ(managed(400, "PATCH", path, R"({"limit":6})")["error"]["code"], 400);
  EXPECT_EQ(managed(200, "PATCH", path, R"({"limits":[{"limit":6}],"name":"Us"})")["data"]["limit"], 6);
  EXPECT_EQ(managed(200, "PATCH", path, "{}")["data"]["name"], "Us");
  const json all = managed(200, "GET", "/v1/workspaces");
  EXPECT_EQ(all["data"].size(), 3u);
  EXPECT_EQ(all["total_count"], 3);
  EXPECT_EQ(managed(200, "GET", "/v1/workspaces?offset=2&limit=50")["data"].size(), 1u);
  EXPECT_EQ(managed(200, "GET", "/v1/workspaces?limit=2")["data"].size(), 2u);
  EXPECT_EQ(managed(400, "GET", "/v1/workspaces?limit=-2")["error"]["code"], 400);
  EXPECT_EQ(managed(200, "GET", "/v1/credits")["data"],
            json::parse(R"({"total_credits":18014404.0,"total_usage":2.5})"));
  EXPECT_EQ(managed(200, "DELETE", path)["deleted"], true);
  for (const std::string method : {"GET", "PATCH", "DELETE"})
    EXPECT_EQ(managed(404, method, path, "{}")["error"]["code"], 404);
  EXPECT_EQ(managed(400, "DELETE", "/v1/workspaces/busy")["error"]["message"], "The workspace \"busy\" has keys.");
  EXPECT_EQ(managed(400, "POST", "/v1/workspaces", R"({"id":"busy"})")["error"]["code"], 400);
  EXPECT_EQ(managed(400, "POST", "/v1/workspaces", R"({"id":"x","budget":1})")["error"]["code"], 400);
}

TEST_F(ManagementTest, Methods) {
  start();
  RawClient client = connect();
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/v1/keys", "GET, HEAD, POST, OPTIONS"},
      {"/v1/workspaces", "GET, HEAD, POST, OPTIONS"},
      {"/v1/keys/x", "GET, HEAD, PATCH, DELETE, OPTIONS"},
      {"/v1/workspaces/x", "GET, HEAD, PATCH, DELETE, OPTIONS"},
      {"/v1/credits", "GET, HEAD, OPTIONS"},
  };
  for (const auto& [path, allowed] : rows) {
    client.send("OPTIONS " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 204u) << path;
    EXPECT_EQ(response.headers.at("allow"), allowed) << path;
    client.send("PUT " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    response = client.read_response();
    EXPECT_EQ(response.status, 405u) << path;
    EXPECT_EQ(response.headers.at("allow"), allowed) << path;
    EXPECT_EQ(json::parse(response.body)["error"]["code"], 405) << path;
  }
  const std::string bearer = "Authorization: Bearer sk-tg-v1-manager\r\n";
  for (const std::string path : {"/v1/keys", "/v1/credits", "/v1/workspaces", "/v1/workspaces/default"}) {
    client.send(get(path, bearer));
    const RawResponse full = client.read_response();
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n" + bearer + "\r\n");
    const RawResponse head = client.read_response(true);
    EXPECT_EQ(head.status, 200u) << path;
    EXPECT_EQ(head.headers.at("content-length"), std::to_string(full.body.size())) << path;
  }
}

TEST_F(ManagementTest, BodiesAreSmall) {
  start();
  const std::string head = "POST /v1/keys HTTP/1.1\r\nHost: a\r\nx-api-key: sk-tg-v1-manager\r\n";
  const std::string filled = R"({"name":"big")" + std::string(64 * 1024 - 14, ' ') + "}";
  ASSERT_EQ(filled.size(), 64u * 1024);
  EXPECT_EQ(ask(request("POST", "/v1/keys", filled)).status, 201u);
  RawResponse response = ask(head + "Content-Length: 65537\r\n\r\n");
  EXPECT_EQ(response.status, 413u);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], 413);
  response = ask(head + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(65537, ' '));
  EXPECT_EQ(response.status, 413u);
  // In pieces, and the connection goes on.
  RawClient client = connect();
  client.send(head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n");
  client.send("8\r\ne\":\"pc\"}\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 201u);
  client.send(get("/v1/keys/" + sha256_hex("sk-tg-v1-pc"), "x-api-key: sk-tg-v1-manager\r\n"));
  EXPECT_EQ(client.read_response().status, 200u);
}

TEST_F(ManagementTest, NoSecretReachesTheLog) {
  const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", lines));
  spdlog::set_level(spdlog::level::trace);
  start();
  create(R"({"name":"hidden"})");
  managed(404, "GET", "/v1/keys/sk-tg-v1-manager?x=sk-tg-v1-manager");
  ask(get("/v1/sk-tg-v1-manager"));
  managed(400, "POST", "/v1/keys", R"({"name":"x","external":{"user":"u","api_key":"sk-tg-v1-theirs"}})");
  EXPECT_TRUE(eventually([&] { return lines->last_formatted().size() >= 4; }));
  shards_.stop();
  for (const std::string& line : lines->last_formatted())
    EXPECT_THAT(line, Not(HasSubstr("sk-tg-"))) << line;
  EXPECT_THAT(lines->last_formatted().back(), HasSubstr("/v1/keys"));
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace tollgate
