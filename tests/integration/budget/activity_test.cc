// What was asked is written with its settlement, and read back as it was.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "services/budget/packed_sums.h"
#include "services/budget/redis_activity.h"
#include "services/budget/sweeper.h"
#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Collected : RecordSink {
  std::vector<std::string> ids;
  // Refuses the one after so many.
  std::size_t most = 1000;

  Awaitable<absl::Status> write(v1::ActivityRecord record) override {
    if (ids.size() == most)
      co_return absl::CancelledError("gone");
    ids.push_back(record.generation_id());
    co_return absl::OkStatus();
  }
};

class ActivityTest : public BudgetTest {
 protected:
  struct Request {
    std::string id;
    std::string model = "anthropic/claude-sonnet-4";
    std::string provider = "anthropic";
    std::int64_t cost = 100;
    unsigned status = 200;
    std::string session = "";
    std::string agent = "";
    std::string workspace = "default";
  };

  static v1::ActivityRecord record_of(const std::string& hash, const Request& request) {
    v1::ActivityRecord record;
    record.set_generation_id(request.id);
    record.set_key_id(hash);
    record.set_key_name("ci");
    record.set_model(request.model);
    record.set_provider(request.provider);
    record.set_status(request.status);
    record.set_session_id(request.session);
    record.set_agent_id(request.agent);
    record.set_first_token_ms(200);
    record.set_duration_ms(1000);
    record.mutable_usage()->set_input_tokens(10);
    record.mutable_usage()->set_output_tokens(20);
    record.mutable_usage()->set_cache_write_1h_tokens(3);
    record.add_attempts()->set_provider("vertex");
    record.add_attempts()->set_provider(request.provider);
    return record;
  }

  void ask(const std::string& hash, const Request& request) {
    v1::SettleRequest settle = settlement(hash, request.id, request.cost);
    settle.set_workspace(request.workspace);
    *settle.mutable_record() = record_of(hash, request);
    expect_ok(loop_.run(ledger_.settle(settle)));
  }
  void note(const std::string& hash, const Request& request) {
    const v1::ActivityRecord record = record_of(hash, request);
    expect_ok(loop_.run(ledger_.note(record)));
  }

  v1::RecordsReply records(const v1::RecordsQuery& query = {}) {
    auto reply = loop_.run(activity_.records(query));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::RecordsReply();
  }
  std::vector<std::string> ids(const v1::RecordsReply& reply) {
    std::vector<std::string> out;
    for (const v1::ActivityRecord& record : reply.records())
      out.push_back(record.generation_id());
    return out;
  }
  std::vector<std::string> ids(const v1::ActivityFilter& filter) {
    v1::RecordsQuery query;
    *query.mutable_filter() = filter;
    return ids(records(query));
  }
  v1::ActivityReply query(const v1::ActivityQuery& request) {
    auto reply = loop_.run(activity_.query(request));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::ActivityReply();
  }
  v1::ActivityReply query_by(std::vector<v1::Dimension> by, v1::ActivityFilter filter = {}) {
    v1::ActivityQuery request;
    for (const v1::Dimension dimension : by)
      request.add_by(dimension);
    *request.mutable_filter() = std::move(filter);
    return query(request);
  }
  // "value,value:requests:cost" of each group.
  static std::vector<std::string> groups(const v1::ActivityReply& reply) {
    std::vector<std::string> out;
    for (const v1::ActivityGroup& group : reply.groups()) {
      out.push_back(fmt::format("{}:{}:{}", fmt::join(group.values(), ","), group.sums().requests(),
                                group.sums().cost_nano_usd()));
    }
    return out;
  }
  v1::SessionsReply sessions(const v1::SessionsQuery& query = {}) {
    auto reply = loop_.run(activity_.sessions(query));
    expect_ok(reply);
    return reply.ok() ? *reply : v1::SessionsReply();
  }
  void sweep(const BudgetConfig& config = {}) {
    Sweeper sweeper(loop_.context(), redis_, config);
    ASSERT_TRUE(loop_.run(sweeper.sweep()).ok());
  }

  RedisActivity activity_{redis_, BudgetConfig()};
};

TEST_F(ActivityTest, ARecordIsReadBackAsItWasSettled) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1", .cost = 77, .session = "s1"});
  const v1::RecordsReply reply = records();
  ASSERT_THAT(reply.records(), SizeIs(1));
  const v1::ActivityRecord& record = reply.records(0);
  v1::ActivityRecord expected = record_of(hash, {.id = "gen-1", .session = "s1"});
  expected.set_cost_nano_usd(77);
  expected.set_usage_source(v1::USAGE_SOURCE_REPORTED);
  expected.set_workspace("default");
  EXPECT_EQ(record.SerializeAsString(), expected.SerializeAsString());
  EXPECT_THAT(reply.cursor(), IsEmpty());

  v1::GenerationQuery one;
  one.set_generation_id("gen-1");
  const auto found = loop_.run(activity_.generation(one));
  expect_ok(found);
  EXPECT_EQ(found->SerializeAsString(), expected.SerializeAsString());
}

TEST_F(ActivityTest, ASecondSettlementLeavesNoSecondRecord) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1", .cost = 5, .session = "s"});
  ask(hash, {.id = "gen-1", .cost = 9, .session = "s"});
  EXPECT_THAT(ids(records()), ElementsAre("gen-1"));
  EXPECT_EQ(query({}).total().requests(), 1);
  EXPECT_EQ(query({}).total().cost_nano_usd(), 5);
  EXPECT_EQ(sessions().sessions(0).sums().cost_nano_usd(), 5);
}

TEST_F(ActivityTest, SumsByAnyDimension) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1", .cost = 100});
  ask(hash, {.id = "gen-2", .provider = "bedrock", .cost = 10});
  ask(hash, {.id = "gen-3", .model = "openai/gpt-5", .provider = "openai", .cost = 500});
  ask(hash, {.id = "gen-4", .cost = 0, .status = 529});
  EXPECT_THAT(groups(query_by({v1::DIMENSION_MODEL})),
              ElementsAre("openai/gpt-5:1:500", "anthropic/claude-sonnet-4:3:110"));
  EXPECT_THAT(groups(query_by({v1::DIMENSION_PROVIDER, v1::DIMENSION_STATUS})),
              ElementsAre("openai,200:1:500", "anthropic,200:1:100", "bedrock,200:1:10", "anthropic,529:1:0"));
  const v1::ActivityReply by_key = query_by({v1::DIMENSION_KEY, v1::DIMENSION_WORKSPACE});
  EXPECT_THAT(groups(by_key), ElementsAre(hash + ",default:4:610"));
  EXPECT_EQ(by_key.groups(0).key_name(), "ci");
  const v1::ActivitySums& total = by_key.total();
  EXPECT_EQ(total.failed(), 1);
  EXPECT_EQ(total.input_tokens(), 40);
  EXPECT_EQ(total.output_tokens(), 80);
  EXPECT_EQ(total.cache_write_tokens(), 12);
  EXPECT_EQ(total.first_token_ms(), 800);
  EXPECT_EQ(total.timed(), 4);
  EXPECT_EQ(total.failovers(), 4);
  EXPECT_FALSE(by_key.incomplete());
}

TEST_F(ActivityTest, FiltersHoldForSumsAndForRecords) {
  const std::string hash = create_key().key().hash();
  const std::string other = create_key().key().hash();
  ask(hash, {.id = "gen-1", .session = "s1"});
  ask(other, {.id = "gen-2", .provider = "bedrock", .cost = 10, .status = 429});
  ask(hash, {.id = "gen-3", .model = "openai/gpt-5", .cost = 7, .status = 503});
  const auto check = [&](auto set, std::vector<std::string> expected, std::int64_t requests) {
    v1::ActivityFilter filter;
    set(filter);
    EXPECT_EQ(ids(filter), expected);
    EXPECT_EQ(query_by({}, filter).total().requests(), requests);
  };
  check([&](auto& f) { f.add_keys(hash); }, {"gen-3", "gen-1"}, 2);
  check([&](auto& f) { f.add_keys("ci"); }, {"gen-3", "gen-2", "gen-1"}, 3);
  check([&](auto& f) { f.add_models("openai/gpt-5"); }, {"gen-3"}, 1);
  check([&](auto& f) { f.add_providers("bedrock"); }, {"gen-2"}, 1);
  check([&](auto& f) { f.add_statuses("429"), f.add_statuses("5xx"); }, {"gen-3", "gen-2"}, 2);
  check([&](auto& f) { f.add_sessions("s1"); }, {"gen-1"}, 1);
  check([&](auto& f) { f.set_search("GPT"); }, {"gen-3"}, 1);
  check([&](auto& f) { f.add_workspaces("nowhere"); }, {}, 0);
  check([&](auto& f) { f.set_until_ms(1000), f.set_since_ms(1); }, {}, 0);
}

TEST_F(ActivityTest, ASessionIsFoundInAllOfItsTime) {
  const std::string hash = create_key().key().hash();
  const std::string other = create_key().key().hash();
  for (int i = 0; i < 200; ++i)
    ask(hash, {.id = fmt::format("gen-{}", i), .session = fmt::format("s{}", i % 50)});
  // Another key's of the same name is another one.
  ask(other, {.id = "gen-other", .session = "s7"});

  v1::ActivityFilter filter;
  filter.set_since_ms(1);
  filter.add_sessions("s7");
  EXPECT_THAT(ids(filter), ElementsAre("gen-other", "gen-157", "gen-107", "gen-57", "gen-7"));
  v1::ActivityReply reply = query_by({v1::DIMENSION_KEY}, filter);
  EXPECT_EQ(reply.total().requests(), 5);
  EXPECT_EQ(reply.groups_size(), 2);
  filter.add_keys(hash);
  EXPECT_THAT(ids(filter), ElementsAre("gen-157", "gen-107", "gen-57", "gen-7"));
  filter.add_sessions("s8");
  EXPECT_EQ(query_by({}, filter).total().requests(), 8);

  // Its time and that asked for must meet.
  filter.set_since_ms(2);
  filter.set_until_ms(1000);
  EXPECT_THAT(ids(filter), IsEmpty());
  filter.clear_until_ms();
  filter.clear_sessions();
  filter.add_sessions("nobody's");
  EXPECT_THAT(ids(filter), IsEmpty());
  EXPECT_EQ(query_by({}, filter).total().requests(), 0);
}

TEST_F(ActivityTest, ASessionThatIsForgottenStillHasItsRecords) {
  const std::string hash = create_key().key().hash();
  BudgetConfig config;
  config.activity.sessions = 10;
  for (int i = 0; i < 30; ++i)
    ask(hash, {.id = fmt::format("gen-{}", i), .session = fmt::format("s{}", i)});
  sweep(config);
  RedisActivity bounded(redis_, config);
  v1::RecordsQuery request;
  request.mutable_filter()->set_since_ms(1);
  request.mutable_filter()->add_sessions("s3");
  const auto reply = loop_.run(bounded.records(request));
  expect_ok(reply);
  EXPECT_THAT(ids(*reply), ElementsAre("gen-3"));
}

TEST_F(ActivityTest, APageKnowsWhetherItIsTheLast) {
  const std::string hash = create_key().key().hash();
  // More than are read at once.
  for (int i = 0; i < 300; ++i)
    ask(hash, {.id = fmt::format("gen-{}", i), .model = i == 0 ? "rare/model" : "common/model"});
  v1::RecordsQuery request;
  request.set_limit(300);
  EXPECT_THAT(records(request).cursor(), IsEmpty());
  request.set_limit(299);
  v1::RecordsReply page = records(request);
  EXPECT_THAT(page.records(), SizeIs(299));
  request.set_cursor(page.cursor());
  page = records(request);
  EXPECT_THAT(ids(page), ElementsAre("gen-0"));
  EXPECT_THAT(page.cursor(), IsEmpty());

  request = {};
  request.mutable_filter()->add_models("rare/model");
  page = records(request);
  EXPECT_THAT(ids(page), ElementsAre("gen-0"));
  EXPECT_THAT(page.cursor(), IsEmpty());
  request.mutable_filter()->set_search("NOTHING has this");
  page = records(request);
  EXPECT_THAT(ids(page), IsEmpty());
  EXPECT_THAT(page.cursor(), IsEmpty());
}

TEST_F(ActivityTest, WhatIsNoFilterIsRefused) {
  v1::ActivityQuery query;
  query.mutable_filter()->add_statuses("abc");
  EXPECT_EQ(kind_of(loop_.run(activity_.query(query)).status()), v1::Failure::KIND_INVALID_REQUEST);
  v1::RecordsQuery records;
  records.set_cursor("17-");
  EXPECT_EQ(kind_of(loop_.run(activity_.records(records)).status()), v1::Failure::KIND_INVALID_REQUEST);
  v1::SessionsQuery sessions;
  sessions.mutable_filter()->set_since_ms(10);
  sessions.mutable_filter()->set_until_ms(10);
  EXPECT_EQ(kind_of(loop_.run(activity_.sessions(sessions)).status()), v1::Failure::KIND_INVALID_REQUEST);
  v1::GenerationQuery generation;
  generation.set_generation_id("gen-none");
  EXPECT_EQ(kind_of(loop_.run(activity_.generation(generation)).status()), v1::Failure::KIND_NOT_FOUND);
}

TEST_F(ActivityTest, GroupsBeyondTheLimitAreOneSum) {
  const std::string hash = create_key().key().hash();
  for (int i = 0; i < 5; ++i)
    ask(hash, {.id = fmt::format("gen-{}", i), .model = fmt::format("m{}", i), .cost = 10 * (i + 1)});
  v1::ActivityQuery request;
  request.add_by(v1::DIMENSION_MODEL);
  request.set_limit(2);
  request.set_interval(v1::INTERVAL_DAY);
  const v1::ActivityReply reply = query(request);
  EXPECT_THAT(groups(reply), ElementsAre("m4:1:50", "m3:1:40"));
  EXPECT_EQ(reply.groups(0).at_ms() % 86'400'000, 0);
  EXPECT_EQ(reply.others().requests(), 3);
  EXPECT_EQ(reply.others().cost_nano_usd(), 60);
  EXPECT_EQ(reply.total().cost_nano_usd(), 150);
}

TEST_F(ActivityTest, PagesFollowEachOtherAcrossWorkspaces) {
  create_workspace("a");
  create_workspace("b");
  v1::CreateKeyRequest create;
  create.set_name("k");
  std::map<std::string, std::string> hashes = {{"default", create_key().key().hash()}};
  for (const char* workspace : {"a", "b"}) {
    create.set_workspace(workspace);
    hashes[workspace] = create_key(create).key().hash();
  }
  std::vector<std::string> newest_first;
  for (int i = 0; i < 23; ++i) {
    const std::string workspace = std::vector<std::string>{"default", "a", "b"}[static_cast<std::size_t>(i) % 3];
    ask(hashes[workspace], {.id = fmt::format("gen-{}", i), .workspace = workspace});
    newest_first.insert(newest_first.begin(), fmt::format("gen-{}", i));
  }
  std::vector<std::string> paged;
  v1::RecordsQuery query;
  query.set_limit(4);
  for (int page = 0; page < 10; ++page) {
    const v1::RecordsReply reply = records(query);
    for (const std::string& id : ids(reply))
      paged.push_back(id);
    query.set_cursor(reply.cursor());
    if (reply.cursor().empty())
      break;
  }
  // Those of one millisecond go by workspace: every one comes once.
  EXPECT_THAT(paged, testing::UnorderedElementsAreArray(newest_first));

  Collected sink;
  v1::ExportQuery all;
  EXPECT_TRUE(loop_.run(activity_.export_records(all, sink)).ok());
  EXPECT_THAT(sink.ids, testing::UnorderedElementsAreArray(newest_first));
  EXPECT_THAT(sink.ids.front(), testing::AnyOf("gen-0", "gen-1", "gen-2"));
  Collected leaves;
  leaves.most = 3;
  EXPECT_TRUE(absl::IsCancelled(loop_.run(activity_.export_records(all, leaves))));
}

TEST_F(ActivityTest, SessionsHaveTheirAgents) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1", .cost = 1, .session = "s1"});
  ask(hash, {.id = "gen-2", .cost = 2, .session = "s1", .agent = "explorer"});
  ask(hash, {.id = "gen-3", .cost = 4, .session = "s1", .agent = "explorer"});
  ask(hash, {.id = "gen-4", .cost = 8, .session = "s2"});
  ask(hash, {.id = "gen-5", .cost = 16});
  v1::SessionsQuery by;
  const v1::SessionsReply reply = sessions(by);
  ASSERT_THAT(reply.sessions(), SizeIs(2));
  EXPECT_THAT(reply.cursor(), IsEmpty());
  for (const v1::Session& session : reply.sessions()) {
    EXPECT_EQ(session.key_id(), hash);
    EXPECT_EQ(session.key_name(), "ci");
    EXPECT_GE(session.last_ms(), session.first_ms());
    EXPECT_GT(session.first_ms(), 0);
    if (session.id() != "s1")
      continue;
    EXPECT_EQ(session.sums().cost_nano_usd(), 7);
    ASSERT_THAT(session.agents(), SizeIs(2));
    EXPECT_EQ(session.agents(0).id(), "");
    EXPECT_EQ(session.agents(1).id(), "explorer");
    EXPECT_EQ(session.agents(1).sums().requests(), 2);
  }
  by.mutable_filter()->set_search("S2");
  EXPECT_EQ(sessions(by).sessions(0).id(), "s2");
  by.mutable_filter()->clear_search();
  by.mutable_filter()->add_models("anthropic/claude-sonnet-4");
  EXPECT_THAT(sessions(by).sessions(), SizeIs(2));
  by.mutable_filter()->add_statuses("5xx");
  EXPECT_THAT(sessions(by).sessions(), SizeIs(0));
  EXPECT_THAT(groups(query_by({v1::DIMENSION_SESSION})), ElementsAre(":1:16", "s2:1:8", "s1:3:7"));

  v1::SessionsQuery paged;
  paged.set_limit(1);
  const v1::SessionsReply first = sessions(paged);
  paged.set_cursor(first.cursor());
  const v1::SessionsReply second = sessions(paged);
  ASSERT_THAT(second.sessions(), SizeIs(1));
  EXPECT_NE(first.sessions(0).id(), second.sessions(0).id());
}

TEST_F(ActivityTest, AnOrphanLeavesWhatItsHoldKnew) {
  const std::string hash = create_key().key().hash();
  v1::ReserveRequest reserve = reservation(hash, "gen-1", 500);
  reserve.set_model("anthropic/claude-sonnet-4");
  reserve.mutable_record()->set_created_ms(1234);
  reserve.mutable_record()->set_model_asked("sonnet");
  reserve.mutable_record()->set_session_id("s1");
  reserve.mutable_record()->set_agent_id("a1");
  const auto reserved = loop_.run(ledger_.reserve(reserve));
  expect_ok(reserved);
  EXPECT_EQ(reserved->key_name(), "ci");
  // A checkpoint keeps what is known.
  expect_ok(checkpoint(hash, "gen-1", 300, 500));
  redis_command({"ZADD", layout::holds("default"), "XX", "1", "gen-1"});
  sweep();
  ASSERT_THAT(records().records(), SizeIs(1));
  const v1::ActivityRecord orphan = records().records(0);
  EXPECT_EQ(orphan.generation_id(), "gen-1");
  EXPECT_EQ(orphan.key_id(), hash);
  EXPECT_EQ(orphan.key_name(), "ci");
  EXPECT_EQ(orphan.model_asked(), "sonnet");
  EXPECT_EQ(orphan.model(), "anthropic/claude-sonnet-4");
  EXPECT_EQ(orphan.created_ms(), 1234);
  EXPECT_EQ(orphan.cost_nano_usd(), 300);
  EXPECT_EQ(orphan.usage_source(), v1::USAGE_SOURCE_LEASE_EXPIRED);
  EXPECT_THAT(groups(query_by({v1::DIMENSION_MODEL, v1::DIMENSION_STATUS})),
              ElementsAre("anthropic/claude-sonnet-4,0:1:300"));
  EXPECT_EQ(sessions().sessions(0).sums().cost_nano_usd(), 300);

  // Its owner comes back: record, sums and session are those of the real settlement, as if there had been no other.
  ask(hash, {.id = "gen-1", .cost = 450, .session = "s1", .agent = "a1"});
  ASSERT_THAT(records().records(), SizeIs(1));
  EXPECT_EQ(records().records(0).usage_source(), v1::USAGE_SOURCE_REPORTED);
  EXPECT_THAT(groups(query_by({v1::DIMENSION_MODEL, v1::DIMENSION_STATUS})),
              ElementsAre("anthropic/claude-sonnet-4,200:1:450"));
  EXPECT_EQ(query({}).total().requests(), 1);
  EXPECT_EQ(query({}).total().cost_nano_usd(), total_usage());
  EXPECT_EQ(sessions().sessions(0).sums().requests(), 1);
  EXPECT_EQ(sessions().sessions(0).sums().cost_nano_usd(), 450);
  v1::GenerationQuery one;
  one.set_generation_id("gen-1");
  EXPECT_EQ(loop_.run(activity_.generation(one))->cost_nano_usd(), 450);
}

TEST_F(ActivityTest, AHoldOfAnOlderRouterLeavesARecordToo) {
  const std::string hash = create_key().key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(checkpoint(hash, "gen-1", 20));
  redis_command({"ZADD", layout::holds("default"), "XX", "1", "gen-1"});
  sweep();
  EXPECT_THAT(ids(records()), ElementsAre("gen-1"));
  EXPECT_THAT(groups(query_by({v1::DIMENSION_KEY})), ElementsAre(hash + ":1:20"));
  expect_ok(settle(hash, "gen-1", 30));
  EXPECT_THAT(groups(query_by({v1::DIMENSION_KEY})), ElementsAre(hash + ":1:30"));
  EXPECT_THAT(ids(records()), ElementsAre("gen-1"));
}

TEST_F(ActivityTest, RefusedRequestsAreNotedOnce) {
  const std::string hash = create_key().key().hash();
  const Request refused{
      .id = "gen-1764000000-x", .model = "", .provider = "", .cost = 0, .status = 402, .session = "s"};
  note(hash, refused);
  note(hash, refused);
  EXPECT_THAT(ids(records()), ElementsAre("gen-1764000000-x"));
  EXPECT_EQ(query({}).total().requests(), 1);
  EXPECT_EQ(query({}).total().failed(), 1);
  EXPECT_EQ(records().records(0).key_name(), "ci");
  // Nobody's key fills nobody's memory.
  note(std::string(64, 'a'), {.id = "gen-2"});
  const std::string removed = create_key().key().hash();
  remove_key(removed);
  note(removed, {.id = "gen-3"});
  EXPECT_THAT(ids(records()), ElementsAre("gen-1764000000-x"));
}

TEST_F(ActivityTest, ANoteLetsGoOfAHoldWhoseAnswerWasLost) {
  const std::string hash = create_key().key().hash();
  expect_ok(reserve(hash, "gen-1", 50));
  expect_ok(reserve(hash, "gen-2", 70));
  const Request refused{.id = "gen-1", .cost = 0, .status = 503};
  note(hash, refused);
  note(hash, refused);
  EXPECT_THAT(redis_command({"ZRANGE", layout::holds("default"), "0", "-1"}).elements.size(), 1);
  EXPECT_EQ(redis_command({"HGET", layout::key_record("default", hash), "held"}).text, "70");
  EXPECT_EQ(redis_command({"HGET", layout::workspace_record("default"), "held"}).text, "70");
  EXPECT_THAT(groups(query_by({v1::DIMENSION_KEY})), ElementsAre(hash + ":1:0"));
  // The reservation that arrives behind its note is refused.
  EXPECT_FALSE(reserve(hash, "gen-1", 50).ok());
  // A settled request stays what it is, a stranger's hold as well.
  expect_ok(settle(hash, "gen-2", 60));
  note(hash, {.id = "gen-2", .status = 503});
  const std::string other = create_key().key().hash();
  expect_ok(reserve(hash, "gen-3", 80));
  note(other, {.id = "gen-3", .status = 503});
  EXPECT_EQ(redis_command({"HGET", layout::key_record("default", hash), "held"}).text, "80");
  EXPECT_EQ(total_usage(), 60);
}

TEST_F(ActivityTest, ForgottenGenerationsAreFoundByTheirTime) {
  const std::string hash = create_key().key().hash();
  const std::string id = fmt::format("gen-{}-abc", redis_now_ms() / 1000);
  ask(hash, {.id = id});
  redis_command({"DEL", layout::generation("default", id)});
  v1::GenerationQuery one;
  one.set_generation_id(id);
  const auto found = loop_.run(activity_.generation(one));
  expect_ok(found);
  EXPECT_EQ(found->generation_id(), id);
}

TEST_F(ActivityTest, ARemovedKeyKeepsItsName) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1"});
  remove_key(hash);
  EXPECT_EQ(query_by({v1::DIMENSION_KEY}).groups(0).key_name(), "ci");
  v1::ActivityFilter filter;
  filter.add_keys("ci");
  EXPECT_EQ(query_by({}, filter).total().requests(), 1);
}

TEST_F(ActivityTest, WhatIsRememberedIsBounded) {
  BudgetConfig config;
  config.activity.raw_count = 100;
  config.activity.sessions = 10;
  RedisLedger bounded(redis_, config);
  const std::string hash = create_key().key().hash();
  for (int i = 0; i < 700; ++i) {
    v1::SettleRequest request = settlement(hash, fmt::format("gen-{}", i), 1);
    *request.mutable_record() = record_of(hash, {.id = request.generation_id(), .session = fmt::format("s{}", i)});
    expect_ok(loop_.run(bounded.settle(request)));
  }
  EXPECT_LT(redis_command({"XLEN", layout::records("default")}).integer, 300);
  EXPECT_EQ(query({}).total().requests(), 700);
  sweep(config);
  EXPECT_EQ(redis_command({"ZCARD", layout::sessions("default")}).integer, 10);
  EXPECT_EQ(redis_command({"KEYS", "tg:{default}:session:*"}).elements.size(), 10U);
  // Many share a millisecond.
  EXPECT_GT(std::stoi(sessions().sessions(0).id().substr(1)), 600);
  // What is old goes by its time: of a stream whose entries are from 1970 nothing is left.
  redis_command({"DEL", layout::records("default")});
  for (int i = 0; i < 500; ++i)
    redis_command({"XADD", layout::records("default"), fmt::format("{}-0", i + 1), "r", "x"});
  sweep(config);
  EXPECT_LT(redis_command({"XLEN", layout::records("default")}).integer, 500);
  EXPECT_GT(redis_command({"TTL", layout::hour("default", redis_now_ms() / 3'600'000)}).integer, 80 * 86'400);
}

TEST_F(ActivityTest, ARemovedWorkspaceLeavesNothing) {
  create_workspace("team");
  v1::CreateKeyRequest create;
  create.set_name("k");
  create.set_workspace("team");
  const std::string hash = create_key(create).key().hash();
  ask(hash, {.id = "gen-1", .session = "s", .workspace = "team"});
  remove_key(hash);
  v1::DeleteWorkspaceRequest remove;
  remove.set_id("team");
  expect_ok(loop_.run(workspaces_.remove(remove)));
  EXPECT_EQ(redis_command({"KEYS", "tg:{team}:*"}).elements.size(), 0U);
}

TEST_F(ActivityTest, AnExportThatFollowsSeesWhatComes) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1"});
  struct Asks : Collected {
    std::function<void()> then;
    Awaitable<absl::Status> write(v1::ActivityRecord record) override {
      ids.push_back(record.generation_id());
      if (ids.size() == 2)
        co_return absl::CancelledError("enough");
      then();
      co_return absl::OkStatus();
    }
  } sink;
  sink.then = [&] {
    asio::co_spawn(
        loop_.context(),
        [](RedisLedger& ledger, v1::SettleRequest request) -> Awaitable<void> { co_await ledger.settle(request); }(
                                                               ledger_, settlement(hash, "gen-2", 5)),
        [](std::exception_ptr) {});
  };
  v1::ExportQuery follow;
  follow.set_follow(true);
  EXPECT_TRUE(absl::IsCancelled(loop_.run(activity_.export_records(follow, sink))));
  EXPECT_THAT(sink.ids, ElementsAre("gen-1", "gen-2"));
}

TEST_F(ActivityTest, UsageBeyondDoublesStaysReadable) {
  const std::string hash = create_key().key().hash();
  ask(hash, {.id = "gen-1", .cost = kMaxNanoUsd});
  ask(hash, {.id = "gen-2", .cost = kMaxNanoUsd});
  EXPECT_EQ(query({}).total().cost_nano_usd(), 2 * kMaxNanoUsd);
}

}  // namespace
}  // namespace tollgate
