#include "services/router/router.h"

#include <fmt/format.h>

#include "services/common/base/digest.h"
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

TEST_F(RouterTest, ServesAndSettlesWhatWasReported) {
  adapter_.script = {
      {{head(), used(100, 1), data("start"), committed(), data("rest", 9), counted(100, 20), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "startrest");
  EXPECT_EQ(client_.heads(), 1);
  ASSERT_EQ(ledger_.settled.size(), 1u);
  const v1::SettleRequest& settled = ledger_.settled[0];
  // 100 x 1 + 20 x 2 micro-USD.
  EXPECT_EQ(settled.cost_nano_usd(), 140'000);
  EXPECT_EQ(settled.usage_source(), v1::USAGE_SOURCE_REPORTED);
  EXPECT_EQ(settled.model(), "a/m");
  EXPECT_EQ(settled.provider(), "x");
  EXPECT_EQ(settled.key_hash(), sha256_hex("sk-tg-v1-key"));
  const v1::Done& last = client_.frames.back().done();
  EXPECT_EQ(last.cost_nano_usd(), 140'000);
  EXPECT_EQ(last.generation_id(), settled.generation_id());
  const v1::Head& first = client_.frames.front().head();
  EXPECT_EQ(first.headers(first.headers_size() - 1).name(), "x-generation-id");
  EXPECT_EQ(first.headers(first.headers_size() - 1).value(), settled.generation_id());
}

TEST_F(RouterTest, TheHoldIsTheWorstOfAllCandidates) {
  adapter_.script = {{{head(), committed(), data("{}"), done()}, {}}};
  const std::string body = R"({"model":"m","max_tokens":10})";
  EXPECT_TRUE(create(request(body)).ok());
  // z has the largest context: body + 1000 tokens at 1, 10 tokens at 2 micro-USD.
  EXPECT_EQ(ledger_.reserved.at(0).model(), "a/m");
  EXPECT_EQ(ledger_.reserved.at(0).expected_input_tokens(), static_cast<std::int64_t>(body.size()) / 4);
  // x and y can cost no more.
  EXPECT_EQ(ledger_.reserved.at(0).bounds_size(), 1);
  EXPECT_EQ(ledger_.held.at(0), (static_cast<std::int64_t>(body.size()) + 1000 + 20) * 1000);
}

TEST_F(RouterTest, SplicesTheModelAndCutsItsOwnMembers) {
  adapter_.script = {{{head(), committed(), data("{}"), done()}, {}}};
  const std::string body = R"({"provider":{},"model":"m","max_tokens":10,"session_id":"s"})";
  EXPECT_TRUE(create(request(body)).ok());
  const v1::SendRequest& sent = adapter_.sent.at(0);
  EXPECT_EQ(sent.body(), body);
  std::string out;
  std::size_t at = 0;
  for (const v1::Edit& edit : sent.edits()) {
    out += body.substr(at, edit.offset() - at) + edit.replacement();
    at = edit.offset() + edit.length();
  }
  EXPECT_EQ(out + body.substr(at), R"({"model":"up-x","max_tokens":10})");
}

TEST_F(RouterTest, EveryFailureOfOneUpstreamMovesOnUnseen) {
  for (FailureKind kind : {Failure::KIND_RATE_LIMITED, Failure::KIND_OVERLOADED, Failure::KIND_UNAVAILABLE,
                           Failure::KIND_TIMEOUT, Failure::KIND_UPSTREAM_AUTH}) {
    client_ = Client();
    ledger_.settled.clear();
    adapter_.script = {{{head(), used(999, 1), data("lost")}, error(kind, "no")},
                       {{head(), used(10, 1), data("kept"), committed(), done()}, {}}};
    EXPECT_TRUE(create().ok()) << kind;
    EXPECT_EQ(client_.bytes, "kept");
    EXPECT_EQ(client_.heads(), 1);
    ASSERT_EQ(ledger_.settled.size(), 1u);
    EXPECT_EQ(ledger_.settled[0].provider(), "y");
    EXPECT_EQ(ledger_.settled[0].usage().input_tokens(), 10);
  }
}

TEST_F(RouterTest, TheClientsOwnFaultDoesNot) {
  for (FailureKind kind : {Failure::KIND_INVALID_REQUEST, Failure::KIND_NOT_FOUND, Failure::KIND_TOO_LARGE}) {
    adapter_.script = {{{}, error(kind, "no")}};
    ledger_.settled.clear();
    const absl::Status status = create();
    EXPECT_EQ(failure_of(status).kind(), kind);
    EXPECT_FALSE(failure_of(status).generation_id().empty());
    ASSERT_EQ(ledger_.settled.size(), 1u);
    EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), 0);
  }
}

TEST_F(RouterTest, WithoutFallbacksASecondProviderIsNeverAsked) {
  adapter_.script = {{{}, error(Failure::KIND_OVERLOADED, "no")}};
  const absl::Status status = create(request(R"({"model":"m","provider":{"allow_fallbacks":false}})"));
  EXPECT_EQ(failure_of(status).kind(), Failure::KIND_OVERLOADED);
  EXPECT_EQ(adapter_.sent.size(), 1u);
}

TEST_F(RouterTest, APromptTooLongGoesOnlyWhereThereIsMoreRoom) {
  adapter_.script = {{{}, error(Failure::KIND_CONTEXT_LENGTH, "prompt is too long")},
                     {{head(), committed(), data("ok"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(adapter_.sent.at(1).upstream(), "uz");
}

TEST_F(RouterTest, WhenAllFailTheMostUsefulErrorIsShown) {
  adapter_.script = {{{}, error(Failure::KIND_UPSTREAM_AUTH, "auth")},
                     {{}, error(Failure::KIND_RATE_LIMITED, "slow down")},
                     {{}, error(Failure::KIND_UNAVAILABLE, "down")}};
  const absl::Status status = create();
  EXPECT_EQ(failure_of(status).message(), "slow down");
  EXPECT_EQ(ledger_.settled.at(0).cost_nano_usd(), 0);
  EXPECT_EQ(client_.heads(), 0);
}

TEST_F(RouterTest, AnEndWithoutDoneIsAFailure) {
  adapter_.script = {{{head()}, {}}, {{head(), committed(), data("ok"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "ok");
}

TEST_F(RouterTest, TheHeadMayGoEarlyAndAnotherUpstreamStillTakeOver) {
  adapter_.script = {{{head(), data("lost"), keep_alive()}, error(Failure::KIND_OVERLOADED, "no")},
                     {{head(), committed(), data("kept"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(client_.bytes, "kept");
  EXPECT_EQ(client_.heads(), 1);
  EXPECT_TRUE(client_.frames.at(0).has_head());
  EXPECT_TRUE(client_.frames.at(1).has_keep_alive());
}

TEST_F(RouterTest, ARefusedReservationReachesNoUpstream) {
  ledger_.refuse = error(Failure::KIND_BUDGET, "spent");
  EXPECT_EQ(failure_of(create()).http_status(), 402u);
  EXPECT_TRUE(adapter_.sent.empty());
  EXPECT_TRUE(ledger_.settled.empty());
}

TEST_F(RouterTest, AStrangerLearnsNothingAboutTheCatalog) {
  keys_.key = error(Failure::KIND_NOT_FOUND, "no such key");
  EXPECT_EQ(failure_of(create(request(R"({"model":"nope"})"))).http_status(), 401u);
  EXPECT_EQ(failure_of(create(request("not json"))).http_status(), 401u);
  keys_.key = v1::Key();
  EXPECT_EQ(failure_of(create(request(R"({"model":"nope"})"))).http_status(), 404u);
  v1::CreateRequest keyless = request();
  keyless.clear_api_key();
  EXPECT_EQ(failure_of(create(keyless)).http_status(), 401u);
}

TEST_F(RouterTest, TheBoundsKnowWhatTheBodyAsksFor) {
  adapter_.script = {{{head(), committed(), data("{}"), done()}, {}}};
  const std::string body =
      R"({"model":"m","max_tokens":10,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":2}]})";
  EXPECT_TRUE(create(request(body)).ok());
  // z: three rounds of 5,000 tokens.
  ASSERT_EQ(ledger_.reserved.at(0).bounds_size(), 1);
  EXPECT_EQ(ledger_.reserved.at(0).bounds(0).input_nano_usd(), 3 * 5'000 * 1'000);
}

TEST_F(RouterTest, WhatAKeyMayNotAskForIsNotTried) {
  ledger_.admits.mutable_permissions()->add_models("a/*");
  ledger_.admits.mutable_permissions()->add_providers("y");
  adapter_.script = {{{}, error(Failure::KIND_OVERLOADED, "no")}};
  EXPECT_EQ(failure_of(create()).kind(), Failure::KIND_OVERLOADED);
  ASSERT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(adapter_.sent[0].upstream(), "uy");
}

TEST_F(RouterTest, AKeyWithoutAPermittedCandidateIsRefusedForNothing) {
  ledger_.admits.mutable_permissions()->add_models("b/*");
  ledger_.admits.mutable_permissions()->add_models("a/d");
  const Failure failure = failure_of(create());
  EXPECT_EQ(failure.kind(), Failure::KIND_PERMISSION_DENIED);
  EXPECT_EQ(failure.http_status(), 403u);
  EXPECT_THAT(failure.message(), HasSubstr("may not ask for m "));
  EXPECT_THAT(failure.message(), HasSubstr("Allowed models: b/*, a/d; allowed providers: any"));
  EXPECT_TRUE(adapter_.sent.empty());
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), 0);
}

std::string header(const v1::Head& head, const std::string& name) {
  std::string found;
  for (const v1::Header& each : head.headers()) {
    if (each.name() == name)
      found += (found.empty() ? "" : "|") + each.value();
  }
  return found;
}

TEST_F(RouterTest, RatesOfTheKeyStandInTheHead) {
  v1::RateState& requests = *ledger_.admits.add_rates();
  requests.set_unit(v1::RateState::UNIT_REQUESTS);
  requests.set_limit(50);
  requests.set_remaining(49);
  requests.set_resets_at_ms(1'795'518'243'001);
  v1::RateState& tokens = *ledger_.admits.add_rates();
  tokens.set_unit(v1::RateState::UNIT_TOKENS);
  tokens.set_limit(20'000);
  tokens.set_remaining(0);
  tokens.set_resets_at_ms(1'795'518'300'000);
  v1::Frame first = head();
  for (const char* name : {"Anthropic-RateLimit-Requests-Limit", "anthropic-ratelimit-input-tokens-limit",
                           "x-generation-id", "request-id"}) {
    v1::Header& each = *first.mutable_head()->add_headers();
    each.set_name(name);
    each.set_value("upstream");
  }
  adapter_.script = {{{first, committed(), data("{}"), counted(1, 1), done()}, {}}};
  EXPECT_TRUE(create().ok());
  const v1::Head& sent = client_.frames.at(0).head();
  EXPECT_EQ(header(sent, "anthropic-ratelimit-requests-limit"), "50");
  EXPECT_EQ(header(sent, "Anthropic-RateLimit-Requests-Limit"), "");
  EXPECT_EQ(header(sent, "anthropic-ratelimit-requests-remaining"), "49");
  // The next whole second.
  EXPECT_EQ(header(sent, "anthropic-ratelimit-requests-reset"), "2026-11-24T11:04:04Z");
  EXPECT_EQ(header(sent, "anthropic-ratelimit-tokens-limit"), "20000");
  EXPECT_EQ(header(sent, "anthropic-ratelimit-tokens-remaining"), "0");
  EXPECT_EQ(header(sent, "anthropic-ratelimit-tokens-reset"), "2026-11-24T11:05:00Z");
  EXPECT_EQ(header(sent, "anthropic-ratelimit-input-tokens-limit"), "upstream");
  EXPECT_EQ(header(sent, "request-id"), "upstream");
  EXPECT_EQ(header(sent, "x-generation-id"), ledger_.settled.at(0).generation_id());
}

TEST_F(RouterTest, WithoutRatesTheUpstreamsStay) {
  v1::Frame first = head();
  v1::Header& each = *first.mutable_head()->add_headers();
  each.set_name("anthropic-ratelimit-requests-limit");
  each.set_value("upstream");
  adapter_.script = {{{first, committed(), data("{}"), done()}, {}}};
  EXPECT_TRUE(create().ok());
  EXPECT_EQ(header(client_.frames.at(0).head(), "anthropic-ratelimit-requests-limit"), "upstream");
}

std::vector<std::string> served(const std::vector<v1::SendRequest>& sent) {
  std::vector<std::string> out;
  for (const v1::SendRequest& each : sent)
    out.push_back(each.upstream());
  return out;
}

Attempt answers(std::vector<v1::Frame> more = {}) {
  std::vector<v1::Frame> frames = {head(), committed(), data("x")};
  frames.insert(frames.end(), more.begin(), more.end());
  frames.push_back(done());
  return {frames};
}

v1::CreateRequest with_header(v1::CreateRequest request, const std::string& name, const std::string& value) {
  v1::Header& header = *request.add_headers();
  header.set_name(name);
  header.set_value(value);
  return request;
}

TEST_F(RouterTest, PreferencesMayComeInAHeader) {
  adapter_.script = {answers()};
  v1::CreateRequest asked = with_header(request(), "anthropic-version", "1");
  asked = with_header(asked, "X-Tollgate-Provider", R"({"ignore":["x"]})");
  asked = with_header(asked, "anthropic-beta", "b");
  asked = with_header(asked, "x-tollgate-provider", R"({"ignore":["y"]})");
  ASSERT_TRUE(create(asked).ok());
  ASSERT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(adapter_.sent[0].upstream(), "uz");
  // No upstream sees it, and the others keep their order.
  ASSERT_EQ(adapter_.sent[0].headers_size(), 2);
  EXPECT_EQ(adapter_.sent[0].headers(0).name(), "anthropic-version");
  EXPECT_EQ(adapter_.sent[0].headers(1).name(), "anthropic-beta");
}

TEST_F(RouterTest, OfBodyAndHeaderTheStricterHolds) {
  const std::string body = R"({"model":"m","max_tokens":10,"provider":{"only":["x","y"]}})";
  adapter_.script = {answers()};
  ASSERT_TRUE(create(with_header(request(body), "x-tollgate-provider", R"({"only":["y","z"]})")).ok());
  EXPECT_EQ(served(adapter_.sent), (std::vector<std::string>{"uy"}));
  const Failure none = failure_of(create(with_header(request(body), "x-tollgate-provider", R"({"only":["z"]})")));
  EXPECT_EQ(none.kind(), Failure::KIND_NOT_FOUND);
  EXPECT_THAT(none.message(), HasSubstr("provider.only excludes x, y, z"));
  const Failure wrong = failure_of(create(with_header(request(body), "x-tollgate-provider", R"({"olny":["z"]})")));
  EXPECT_EQ(wrong.kind(), Failure::KIND_INVALID_REQUEST);
  EXPECT_THAT(wrong.message(), HasSubstr("x-tollgate-provider.olny: this preference is not known"));
  EXPECT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(ledger_.reserved.size(), 1u);
}

TEST_F(RouterTest, DefaultsOfTheKeyHoldBesideTheRequest) {
  ledger_.admits.add_provider_preferences(R"({"ignore":["x"]})");
  ledger_.admits.add_provider_preferences(R"({"order":["z"]})");
  adapter_.script = {answers(), answers()};
  ASSERT_TRUE(create().ok());
  ASSERT_TRUE(create(request(R"({"model":"m","max_tokens":10,"provider":{"sort":"price"}})")).ok());
  EXPECT_EQ(served(adapter_.sent), (std::vector<std::string>{"uz", "uy"}));
  // Nothing that was held stays so.
  const Failure none = failure_of(create(request(R"({"model":"m","max_tokens":10,"provider":{"only":["x"]}})")));
  EXPECT_EQ(none.kind(), Failure::KIND_NOT_FOUND);
  EXPECT_THAT(none.message(), HasSubstr("provider.ignore excludes x; provider.only excludes y, z"));
  EXPECT_THAT(none.message(), HasSubstr("defaults of the key"));
  ASSERT_EQ(ledger_.settled.size(), 3u);
  EXPECT_EQ(ledger_.settled[2].cost_nano_usd(), 0);
}

TEST_F(RouterTest, WithoutFallbacksTheOneIsChosenAmongThePermitted) {
  ledger_.admits.mutable_permissions()->add_providers("y");
  ledger_.admits.mutable_permissions()->add_providers("z");
  adapter_.script = {{{}, error(Failure::KIND_OVERLOADED, "no")}};
  const Failure failure =
      failure_of(create(request(R"({"model":"m","max_tokens":10,"provider":{"allow_fallbacks":false}})")));
  EXPECT_EQ(failure.kind(), Failure::KIND_OVERLOADED);
  EXPECT_EQ(served(adapter_.sent), (std::vector<std::string>{"uy"}));
  // It is not what the order asks for, and there is no falling back on it.
  const Failure none = failure_of(
      create(request(R"({"model":"m","max_tokens":10,"provider":{"order":["x"],"allow_fallbacks":false}})")));
  EXPECT_EQ(none.kind(), Failure::KIND_PERMISSION_DENIED);
  EXPECT_EQ(adapter_.sent.size(), 1u);
}

TEST_F(RouterTest, CountingTokensKeepsToTheKeysProviders) {
  ledger_.admits = {};
  keys_.key->mutable_permissions()->add_providers("y");
  keys_.key->mutable_permissions()->add_providers("z");
  keys_.key->set_workspace_provider_preferences(R"({"ignore":["y"]})");
  adapter_.script = {{}};
  bool counted = false;
  asio::co_spawn(context_, router_->count_tokens(request()),
                 [&](std::exception_ptr, auto reply) { counted = reply.ok(); });
  context_.restart();
  context_.run();
  EXPECT_TRUE(counted);
  EXPECT_EQ(served(adapter_.sent), (std::vector<std::string>{"uz"}));
}

TEST_F(RouterTest, WhoeverHasAnOutageComesLast) {
  router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_, health_, DrainOptions(),
                                     SelectionParts{.random = in_catalog_order});
  for (int i = 0; i < 20 && !health_.outage(table_->find("m")->endpoints(0)); ++i) {
    adapter_.script = {{{}, error(Failure::KIND_UNAVAILABLE, "no")}, answers()};
    ASSERT_TRUE(create().ok());
  }
  adapter_.sent.clear();
  adapter_.script = {answers()};
  ASSERT_TRUE(create().ok());
  EXPECT_EQ(served(adapter_.sent), (std::vector<std::string>{"uy"}));
}

class StickyRouterTest : public RouterTest {
 protected:
  void SetUp() override {
    table_ = table_of({{"x/m", {{"x", kPrice}, {"y", kPrice}, {"z", R"({"input":10,"cache_read":10})"}}},
                       {"x/n", {{"x", kPrice}, {"y", kPrice}}}});
    make_router({});
  }
  void make_router(DrainOptions drains) {
    SelectionParts parts{.health = seen_, .random = in_catalog_order};
    parts.sticky = std::make_shared<StickySessions>(100, [this] { return now_; });
    router_ = std::make_unique<Router>(context_, table_, ledger_, keys_, adapter_, health_, drains, std::move(parts));
  }

  // The provider that serves it.
  std::string serve(const std::string& session, const std::string& preferences = "{}",
                    std::vector<v1::Frame> frames = {}, const std::string& model = "x/m") {
    adapter_.script = {answers(std::move(frames))};
    const std::string session_member = session.empty() ? "" : fmt::format(R"("session_id":"{}",)", session);
    const std::string body =
        fmt::format(R"({{{}"model":"{}","max_tokens":10,"messages":[{{"role":"user","content":"hi"}}],"provider":{}}})",
                    session_member, model, preferences);
    EXPECT_TRUE(create(request(body)).ok());
    const v1::Frame& last = client_.frames.back();
    return last.done().provider();
  }

  static constexpr const char* kPrice = R"({"input":10,"cache_read":1})";
  static constexpr const char* kNotAtX = R"({"ignore":["x"],"order":["y"]})";
  std::shared_ptr<FakeHealth> seen_ = std::make_shared<FakeHealth>();
  SteadyClock::time_point now_ = SteadyClock::time_point() + std::chrono::hours(1);
};

TEST_F(StickyRouterTest, AConversationStaysWhereItWasServed) {
  EXPECT_EQ(serve("s"), "x");
  EXPECT_EQ(serve("s", kNotAtX), "y");
  EXPECT_EQ(serve("s"), "y");
  EXPECT_EQ(serve("t"), "x");
  // Of each model by itself.
  EXPECT_EQ(serve("s", "{}", {}, "x/n"), "x");
  EXPECT_EQ(serve("s", R"({"order":["x"]})"), "x");
  EXPECT_EQ(serve("s"), "x");
}

TEST_F(StickyRouterTest, ForTenIdleMinutes) {
  EXPECT_EQ(serve("s", kNotAtX), "y");
  now_ += std::chrono::minutes(9);
  EXPECT_EQ(serve("s"), "y");
  now_ += std::chrono::minutes(9);
  EXPECT_EQ(serve("s"), "y");
  now_ += std::chrono::minutes(10);
  EXPECT_EQ(serve("s"), "x");
}

TEST_F(StickyRouterTest, AnOutageBreaksIt) {
  EXPECT_EQ(serve("s", kNotAtX), "y");
  seen_->outages = {"y"};
  EXPECT_EQ(serve("s"), "x");
  seen_->outages = {};
  EXPECT_EQ(serve("s"), "x");
}

TEST_F(StickyRouterTest, AFailureDoesNotMoveIt) {
  EXPECT_EQ(serve("s", kNotAtX), "y");
  adapter_.script = {{{}, error(Failure::KIND_INVALID_REQUEST, "no")}};
  EXPECT_FALSE(create(request(R"({"session_id":"s","model":"x/m","max_tokens":10,"provider":{"order":["x"]}})")).ok());
  EXPECT_EQ(serve("s"), "y");
}

TEST_F(StickyRouterTest, OnlyForACacheThatSaves) {
  EXPECT_EQ(serve("s", R"({"order":["z"]})"), "z");
  EXPECT_EQ(serve("s"), "x");
}

TEST_F(StickyRouterTest, WhatNobodyNamedStaysOnceACacheIsInUse) {
  v1::Frame cached = counted(10, 1);
  EXPECT_EQ(serve("", kNotAtX, {cached}), "y");
  EXPECT_EQ(serve(""), "x");
  cached.mutable_usage()->set_cache_write_5m_tokens(5);
  EXPECT_EQ(serve("", kNotAtX, {cached}), "y");
  EXPECT_EQ(serve(""), "y");
}

TEST_F(StickyRouterTest, AnotherKeysConversationIsAnother) {
  EXPECT_EQ(serve("s", kNotAtX), "y");
  adapter_.script = {answers()};
  v1::CreateRequest other = request(R"({"session_id":"s","model":"x/m","max_tokens":10})");
  other.set_api_key("sk-tg-v1-other");
  ASSERT_TRUE(create(other).ok());
  EXPECT_EQ(client_.frames.back().done().provider(), "x");
}

}  // namespace
}  // namespace tollgate::router
