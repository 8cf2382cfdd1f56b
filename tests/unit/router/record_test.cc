// The record that each request leaves, however it ends.
#include "services/router/request_record.h"
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RecordTest : public RouterTest {
 protected:
  static v1::CreateRequest asked(std::vector<std::pair<std::string, std::string>> headers) {
    v1::CreateRequest message = request();
    for (const auto& [name, value] : headers) {
      v1::Header& header = *message.add_headers();
      header.set_name(name);
      header.set_value(value);
    }
    return message;
  }
  const v1::ActivityRecord& settled() const { return ledger_.settled.back().record(); }
  static std::vector<std::string> attempts(const v1::ActivityRecord& record) {
    std::vector<std::string> out;
    for (const v1::AttemptRecord& attempt : record.attempts())
      out.push_back(attempt.provider() + " " + std::to_string(attempt.status()) + " " + attempt.kind());
    return out;
  }
  static v1::Frame upstream_head() {
    v1::Frame frame = head();
    v1::Header& header = *frame.mutable_head()->add_headers();
    header.set_name("request-id");
    header.set_value("req_1");
    return frame;
  }
  static v1::Frame ended(std::int64_t input, std::int64_t output) {
    v1::Frame frame = counted(input, output);
    frame.mutable_usage()->set_stop_reason("end_turn");
    return frame;
  }
};

TEST_F(RecordTest, TellsWhoAskedForWhatAndWhatBecameOfIt) {
  ledger_.admits.set_key_name("ci");
  adapter_.script = {{{upstream_head(), committed(), data("x", 5), ended(7, 5), done()}}};
  v1::CreateRequest message = asked({{"User-Agent", "claude-cli/2.1 (external, cli)"},
                                     {"x-app", "cli"},
                                     {"X-Title", "My app"},
                                     {"X-Claude-Code-Session-Id", "s-1"},
                                     {"x-claude-code-agent-id", "a-1"},
                                     {"x-claude-code-parent-agent-id", "a-0"}});
  ASSERT_TRUE(create(std::move(message)).ok());
  ASSERT_THAT(ledger_.settled, SizeIs(1));
  const v1::ActivityRecord& record = settled();
  EXPECT_EQ(record.generation_id(), ledger_.settled[0].generation_id());
  EXPECT_EQ(record.key_id(), ledger_.settled[0].key_hash());
  EXPECT_EQ(record.key_name(), "ci");
  EXPECT_EQ(record.user_agent(), "claude-cli/2.1 (external, cli)");
  EXPECT_EQ(record.app(), "My app");
  EXPECT_EQ(record.session_id(), "s-1");
  EXPECT_EQ(record.agent_id(), "a-1");
  EXPECT_EQ(record.parent_agent_id(), "a-0");
  EXPECT_EQ(record.model_asked(), "m");
  EXPECT_EQ(record.model(), "a/m");
  EXPECT_EQ(record.provider(), "x");
  EXPECT_EQ(record.status(), 200U);
  EXPECT_EQ(record.finish_reason(), "end_turn");
  EXPECT_EQ(record.upstream_id(), "req_1");
  EXPECT_EQ(record.api(), "messages");
  EXPECT_EQ(record.usage().output_tokens(), 5);
  EXPECT_EQ(record.cost_nano_usd(), ledger_.settled[0].cost_nano_usd());
  EXPECT_EQ(record.cost_parts().input(), 7000);
  EXPECT_EQ(record.cost_parts().output(), 10000);
  EXPECT_GT(record.created_ms(), 1'600'000'000'000);
  EXPECT_GE(record.first_token_ms(), 1);
  EXPECT_GE(record.duration_ms(), record.first_token_ms());
  EXPECT_FALSE(record.cancelled());
  EXPECT_FALSE(record.streamed());
  EXPECT_THAT(record.error_type(), IsEmpty());
  EXPECT_THAT(attempts(record), ElementsAre("x 200 ok"));
  // What the hold knows should its owner die.
  EXPECT_EQ(ledger_.reserved[0].record().session_id(), "s-1");
  EXPECT_EQ(ledger_.reserved[0].record().model_asked(), "m");
}

TEST_F(RecordTest, TellsWhichApiTheClientSpeaks) {
  v1::CreateRequest message = request();
  message.set_api(v1::CLIENT_API_CHAT_COMPLETIONS);
  v1::CreateRequest unknown = message;
  adapter_.script = {{{upstream_head(), committed(), data("x", 5), ended(7, 5), done()}},
                     {{upstream_head(), committed(), data("x", 5), ended(7, 5), done()}}};
  ASSERT_TRUE(create(std::move(message)).ok());
  EXPECT_EQ(settled().api(), "chat_completions");
  // Of a newer caller.
  unknown.set_api(static_cast<v1::ClientApi>(7));
  ASSERT_TRUE(create(std::move(unknown)).ok());
  EXPECT_EQ(settled().api(), "messages");
}

TEST_F(RecordTest, TellsOfEveryAttempt) {
  adapter_.script = {{{head()}, error(Failure::KIND_OVERLOADED, "busy")},
                     {{upstream_head(), committed(), data("x", 5), counted(7, 5), done()}}};
  ASSERT_TRUE(create().ok());
  EXPECT_THAT(attempts(settled()), ElementsAre("x 529 overloaded", "y 200 ok"));
  EXPECT_EQ(settled().provider(), "y");
  EXPECT_EQ(settled().status(), 200U);
}

TEST_F(RecordTest, WhenAllHaveFailedTheStatusIsTheClients) {
  for (int i = 0; i < 3; ++i)
    adapter_.script.push_back({{}, error(Failure::KIND_OVERLOADED, "busy")});
  const absl::Status status = create();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(settled().status(), failure_of(status).http_status());
  EXPECT_EQ(settled().error_type(), "overloaded_error");
  EXPECT_EQ(settled().provider(), "z");
  EXPECT_EQ(settled().cost_nano_usd(), 0);
  EXPECT_FALSE(settled().cancelled());
  EXPECT_THAT(attempts(settled()), ElementsAre("x 529 overloaded", "y 529 overloaded", "z 529 overloaded"));
}

TEST_F(RecordTest, AStreamThatBrokeOffHadItsStatusBefore) {
  adapter_.script = {{{upstream_head(), committed(), data("x", 5)}, error(Failure::KIND_UNAVAILABLE, "gone")}};
  ASSERT_FALSE(create().ok());
  EXPECT_EQ(settled().status(), 200U);
  EXPECT_EQ(settled().error_type(), failure_of(error(Failure::KIND_UNAVAILABLE, "gone")).error_type());
  EXPECT_THAT(attempts(settled()), ElementsAre("x 200 unavailable"));
  const v1::CostParts& parts = settled().cost_parts();
  EXPECT_EQ(parts.input() + parts.output() + parts.cache_read() + parts.cache_write() + parts.tools(),
            settled().cost_nano_usd());
}

TEST_F(RecordTest, AClientThatLeavesIsNoFailure) {
  adapter_.script = {{{upstream_head(), committed(), data("x", 5)}, {}, true}};
  during_ = [this] {
    if (!client_.bytes.empty())
      leave();
  };
  ASSERT_FALSE(create().ok());
  finish();
  EXPECT_TRUE(settled().cancelled());
  EXPECT_EQ(settled().status(), 200U);
  EXPECT_THAT(settled().error_type(), IsEmpty());
  EXPECT_THAT(attempts(settled()), ElementsAre("x 200 cancelled"));
}

TEST_F(RecordTest, ARefusedRequestIsNoted) {
  ledger_.refuse = error(Failure::KIND_BUDGET, "spent");
  ASSERT_FALSE(create(asked({{"x-session-id", "s-1"}})).ok());
  EXPECT_THAT(ledger_.settled, IsEmpty());
  ASSERT_THAT(ledger_.noted, SizeIs(1));
  const v1::ActivityRecord& record = ledger_.noted[0];
  EXPECT_EQ(record.status(), 402U);
  EXPECT_EQ(record.error_type(), "billing_error");
  EXPECT_EQ(record.model_asked(), "m");
  EXPECT_EQ(record.session_id(), "s-1");
  EXPECT_THAT(record.model(), IsEmpty());
  EXPECT_THAT(record.generation_id(), testing::StartsWith("gen-"));
}

TEST_F(RecordTest, SoIsOneThatCannotBeServed) {
  ASSERT_FALSE(create(request(R"({"model":"nobody/knows","max_tokens":10})")).ok());
  ASSERT_FALSE(create(request("no json")).ok());
  ASSERT_THAT(ledger_.noted, SizeIs(2));
  EXPECT_EQ(ledger_.noted[0].model_asked(), "nobody/knows");
  EXPECT_GE(ledger_.noted[0].status(), 400U);
  EXPECT_EQ(ledger_.noted[1].status(), 400U);
  EXPECT_EQ(ledger_.noted[1].error_type(), "invalid_request_error");
}

TEST_F(RecordTest, WithoutAKeyThereIsNone) {
  v1::CreateRequest message = request();
  message.clear_api_key();
  ASSERT_FALSE(create(std::move(message)).ok());
  EXPECT_THAT(ledger_.noted, IsEmpty());
}

TEST_F(RecordTest, AKeyThatMayNotHasARecordToo) {
  ledger_.admits.mutable_permissions()->add_models("other/*");
  ASSERT_FALSE(create().ok());
  EXPECT_EQ(settled().status(), 403U);
  EXPECT_THAT(settled().attempts(), IsEmpty());
  EXPECT_THAT(settled().provider(), IsEmpty());
  EXPECT_THAT(ledger_.noted, IsEmpty());
}

TEST(RecordTextTest, IsBoundedAndPrintable) {
  EXPECT_EQ(record_text("plain"), "plain");
  EXPECT_EQ(record_text("a\nb\x7f"), "a?b?");
  EXPECT_EQ(record_text("\xd0\x96"), "\xd0\x96");
  EXPECT_EQ(record_text("\xd0"), "?");
  EXPECT_THAT(record_text(std::string(1000, 'x')), SizeIs(256));
  // Nothing is cut in the middle of a character.
  const std::string long_text = record_text(std::string(255, 'x') + "\xd0\x96");
  EXPECT_EQ(long_text, std::string(255, 'x'));
}

}  // namespace
}  // namespace tollgate::router
