// The activity API over real sockets: who sees what, in which shape, and how its streams begin, wait and end.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "services/common/base/digest.h"
#include "tests/integration/gateway/edge_testing.h"
#include "tests/unit/gateway/activity_record.h"

namespace tollgate {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kManager = "Authorization: Bearer sk-tg-v1-manager\r\n";
const std::string kPlain = "x-api-key: sk-tg-v1-good\r\n";

v1::ActivityRecord record_of(const std::string& id, const std::string& key) {
  v1::ActivityRecord record = full_record();
  record.set_generation_id(id);
  record.set_key_id(sha256_hex("sk-tg-v1-" + key));
  record.set_key_name(key);
  return record;
}

class ActivityTest : public EdgeTest {
 protected:
  ActivityTest() {
    activity_.add(record_of("gen-mine", "good"));
    activity_.add(record_of("gen-theirs", "other"));
  }

  json shown(const std::string& path, const std::string& key = kManager, unsigned status = 200) {
    const RawResponse response = ask(get("/api/v1" + path, key));
    EXPECT_EQ(response.status, status) << path << response.body;
    EXPECT_EQ(response.headers.at("cache-control"), "no-store") << path;
    return json::parse(response.body, nullptr, false);
  }
};

const std::vector<std::string> kPaths = {
    "/activity",        "/activity/query",  "/activity/records", "/activity/records/gen-mine", "/activity/sessions",
    "/activity/health", "/activity/export", "/activity/stream",  "/generation?id=gen-mine",    "/analytics/meta",
};

TEST_F(ActivityTest, NeedsAKey) {
  start();
  const std::vector<std::pair<std::string, unsigned>> rows = {{"", 401},
                                                              {"x-api-key: sk-tg-v1-unknown\r\n", 401},
                                                              {"x-api-key: sk-tg-v1-disabled\r\n", 401},
                                                              {"x-api-key: sk-tg-v1-expired\r\n", 401},
                                                              {"x-api-key: sk-tg-v1-away\r\n", 503}};
  for (const std::string& path : kPaths) {
    for (const auto& [key, status] : rows) {
      const RawResponse response = ask(get("/api/v1" + path, key));
      EXPECT_EQ(response.status, status) << path << key;
      EXPECT_EQ(json::parse(response.body)["error"]["code"], status) << path;
    }
  }
  EXPECT_EQ(activity_.exports(), 0);
}

TEST_F(ActivityTest, APlainKeySeesItsOwnAlone) {
  start();
  EXPECT_EQ(shown("/activity/query")["total"]["requests"], 2);
  EXPECT_EQ(shown("/activity/query", kPlain)["total"]["requests"], 1);
  // Whatever its filter says.
  EXPECT_EQ(shown("/activity/query?key=other&workspace=team", kPlain)["total"]["requests"], 1);
  EXPECT_THAT(activity_.last_filter().keys(), ElementsAre(sha256_hex("sk-tg-v1-good")));
  EXPECT_THAT(activity_.last_filter().workspaces(), ElementsAre("default"));
  EXPECT_EQ(shown("/activity/records")["data"].size(), 2u);
  EXPECT_EQ(shown("/activity/records", kPlain)["data"].size(), 1u);
  EXPECT_EQ(shown("/activity/sessions", kPlain)["data"].size(), 1u);
  EXPECT_EQ(shown("/activity/health", kPlain)["data"][0]["requests"], 1);
  EXPECT_EQ(shown("/activity/records/gen-mine", kPlain)["data"]["generation_id"], "gen-mine");
  EXPECT_EQ(shown("/generation?id=gen-mine", kPlain)["data"]["id"], "gen-mine");
  EXPECT_EQ(shown("/activity/records/gen-theirs")["data"]["generation_id"], "gen-theirs");
  // What it may not see looks like what is not there.
  const json hidden = shown("/activity/records/gen-theirs", kPlain, 404);
  const json missing = shown("/activity/records/gen-nobodys", kPlain, 404);
  EXPECT_THAT(hidden["error"]["message"].get<std::string>(), HasSubstr("gen-theirs"));
  std::string message = hidden["error"]["message"];
  message.replace(message.find("gen-theirs"), 10, "gen-nobodys");
  EXPECT_EQ(message, missing["error"]["message"].get<std::string>());
  EXPECT_EQ(shown("/generation?id=gen-theirs", kPlain, 404)["error"]["code"], 404);
}

TEST_F(ActivityTest, OnlyWhatIsMeant) {
  start();
  for (const std::string path : {"/activity/query?form=7d", "/activity/records?limit=x", "/activity/export?format=pdf",
                                 "/activity/stream?until=1d", "/activity?date=tomorrow", "/generation"}) {
    const json error = shown(path, kManager, 400)["error"];
    EXPECT_EQ(error["code"], 400) << path;
    EXPECT_FALSE(error["message"].get<std::string>().empty());
  }
  const auto post = [&](const std::string& path, const std::string& body) {
    return ask(fmt::format("POST /api/v1{} HTTP/1.1\r\nHost: a\r\n{}Content-Length: {}\r\n\r\n{}", path, kManager,
                           body.size(), body));
  };
  EXPECT_EQ(post("/activity/query", "{}").status, 405u);
  EXPECT_EQ(post("/analytics/query", "{}").status, 400u);
  const RawResponse answer = post("/analytics/query", R"({"metrics":["request_count"]})");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(json::parse(answer.body)["data"]["data"][0]["request_count"], 2);
  EXPECT_EQ(post("/analytics/query", std::string(65 * 1024, ' ')).status, 413u);
}

TEST_F(ActivityTest, QueriesAsCsv) {
  start();
  const RawResponse response = ask(get("/api/v1/activity/query?by=model&format=csv", kManager));
  EXPECT_EQ(response.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("model,requests,"));
  EXPECT_THAT(response.body, HasSubstr("value,2,"));
}

TEST_F(ActivityTest, AStoreThatIsAwayIsAnError) {
  activity_.fail(error(v1::Failure::KIND_UNAVAILABLE, "Redis is away."));
  start();
  for (const std::string& path : kPaths) {
    if (path == "/analytics/meta" || path == "/activity/stream")
      continue;
    const RawResponse response = ask(get("/api/v1" + path, kManager));
    EXPECT_EQ(response.status, 503u) << path;
    EXPECT_EQ(json::parse(response.body)["error"]["message"], "Redis is away.") << path;
  }
}

TEST_F(ActivityTest, WithoutOneThereIsNothing) {
  with_activity_ = false;
  start();
  EXPECT_EQ(ask(get("/api/v1/activity/query", kManager)).status, 404u);
}

TEST_F(ActivityTest, Files) {
  start();
  const RawResponse csv = ask(get("/api/v1/activity/export", kManager));
  EXPECT_TRUE(csv.complete);
  EXPECT_EQ(csv.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_THAT(csv.headers.at("content-disposition"), testing::MatchesRegex("attachment; filename=\"activity-.*csv\""));
  EXPECT_EQ(std::count(csv.body.begin(), csv.body.end(), '\n'), 3);
  const RawResponse lines = ask(get("/api/v1/activity/export?format=ndjson", kPlain));
  EXPECT_EQ(json::parse(lines.body)["generation_id"], "gen-mine");
  EXPECT_EQ(json::parse(ask(get("/api/v1/activity/export?format=json", kManager)).body)["data"].size(), 2u);
}

TEST_F(ActivityTest, ALargeFileWaitsForItsReader) {
  activity_.repeat(20'000);
  start();
  RawClient client = connect(4096);
  client.send(get("/api/v1/activity/export?format=ndjson", kPlain));
  client.read_until("gen-mine");
  // All of it is some 18 MB, far beyond what sockets hold.
  std::size_t before = 0;
  EXPECT_TRUE(eventually([&] {
    const std::size_t written = activity_.written();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return written == activity_.written() && (before = written) > 0;
  }));
  EXPECT_LT(before, 19'000u);
  const RawResponse response = client.read_response();
  EXPECT_EQ(activity_.written(), 20'000u);
}

TEST_F(ActivityTest, AFileThatBreaksIsSeenToBeBroken) {
  activity_.repeat(1000);
  activity_.fail(error(v1::Failure::KIND_UNAVAILABLE, "Redis is away."), 1);
  start();
  const RawResponse response = ask(get("/api/v1/activity/export?format=ndjson", kManager));
  EXPECT_EQ(response.status, 200u);
  EXPECT_FALSE(response.complete);
}

TEST_F(ActivityTest, AStreamShowsWhatComes) {
  start();
  RawClient client = connect();
  client.send(get("/api/v1/activity/stream?since=1970-01-02", kPlain));
  client.read_until("id: gen-mine\n");
  activity_.add(record_of("gen-theirs-2", "other"));
  activity_.add(record_of("gen-mine-2", "good"));
  client.read_until("id: gen-mine-2\ndata: {\"generation_id\":\"gen-mine-2\"");
  EXPECT_THAT(client.buffered(), HasSubstr("content-type: text/event-stream\r\n"));
  EXPECT_THAT(client.buffered(), Not(HasSubstr("gen-theirs")));
  // A client that leaves ends it.
  client.close();
  EXPECT_TRUE(eventually([&] { return activity_.ended() == 1; }));
}

TEST_F(ActivityTest, AQuietStreamShowsThatItStands) {
  config_.timeouts.ping = std::chrono::milliseconds(5);
  start();
  RawClient client = connect();
  client.send(get("/api/v1/activity/stream?key=nobody", kManager));
  client.read_until(": this is live");
  client.read_until(": still live\n\n\r\n");
  client.read_until("e\r\n: still live\n\n\r\ne\r\n: still live\n\n\r\n");
  activity_.add(record_of("gen-x", "nobody"));
  client.close();
  EXPECT_TRUE(eventually([&] { return activity_.ended() == 1; }));
}

TEST_F(ActivityTest, AStreamGoesOnBehindTheLastOneSeen) {
  activity_.add(record_of("gen-mine-2", "good"));
  start();
  RawClient client = connect();
  client.send(get("/api/v1/activity/stream", kPlain + "Last-Event-ID: gen-mine\r\n"));
  client.read_until("id: gen-mine-2\n");
  EXPECT_THAT(client.buffered(), Not(HasSubstr("id: gen-mine\n")));
  EXPECT_EQ(activity_.last_filter().since_ms(), kRecordMs + 1500 - 2000);
}

TEST_F(ActivityTest, AStreamSaysThatItsStoreIsAway) {
  start();
  RawClient client = connect();
  client.send(get("/api/v1/activity/stream", kManager));
  client.read_until("id: gen-theirs\n");
  activity_.fail(error(v1::Failure::KIND_UNAVAILABLE, "Redis is away."), 10);
  const RawResponse response = client.read_response();
  EXPECT_TRUE(response.complete);
  EXPECT_THAT(response.body, HasSubstr("event: error\ndata: {\"error\":{\"code\":503,\"message\":\"Redis is away.\""));
}

// An open dashboard holds nobody up.
TEST_F(ActivityTest, ADrainEndsStreamsAtOnce) {
  start();
  RawClient client = connect();
  client.send(get("/api/v1/activity/stream", kManager));
  client.read_until("id: gen-theirs\n");
  const auto began = SteadyClock::now();
  EXPECT_TRUE(edge_->drain(std::chrono::milliseconds(20'000)));
  EXPECT_LT(SteadyClock::now() - began, std::chrono::seconds(10));
  EXPECT_THAT(client.read_response().body, HasSubstr("event: error\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(activity_.ended(), 1);
}

TEST_F(ActivityTest, OldClientsGetTheirFileToTheEndOfTheConnection) {
  start();
  RawClient client = connect();
  client.send("GET /api/v1/activity/export?format=json HTTP/1.0\r\n" + kManager + "\r\n");
  const std::string all = client.read_all();
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_EQ(json::parse(all.substr(all.find("\r\n\r\n") + 4))["data"].size(), 2u);
}

}  // namespace
}  // namespace tollgate
