#include "services/router/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"
#include "tests/unit/router/table_testing.h"

namespace tollgate::router {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;

class ExplainTest : public testing::Test {
 protected:
  ExplainTest()
      : table_(table_of({{"x/m",
                          {{"a", R"({"input":1,"output":1})"},
                           {"b", R"({"input":2,"output":2})"},
                           {"c", R"({"input":3,"output":3})"}}}})) {}

  v1::ExplainReply explained(const std::string& preferences, const std::vector<std::string>& defaults = {}) const {
    v1::ExplainRequest request;
    request.set_model("x/m");
    request.set_provider_preferences(preferences);
    const absl::StatusOr<v1::ExplainReply> reply = explain(request, *table_, permissions_, defaults, health_);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(v1::ExplainReply());
  }

  std::shared_ptr<const ModelTable> table_;
  v1::Permissions permissions_;
  FakeHealth health_;
};

TEST_F(ExplainTest, SaysHowProbablyEachComesFirst) {
  health_.outages = {"b"};
  health_.throughputs = {{"c", {{50, 80}}}};
  health_.latencies = {{"c", {{50, 400}}}};
  const v1::ExplainReply reply = explained("");
  ASSERT_EQ(reply.candidates_size(), 3);
  EXPECT_TRUE(reply.fallbacks());
  EXPECT_EQ(reply.candidates(0).provider(), "a");
  EXPECT_THAT(reply.candidates(0).first_probability(), DoubleNear(0.9, 1e-9));
  // A thousand tokens each way.
  EXPECT_EQ(reply.candidates(0).expected_cost_nano_usd(), 2'000'000);
  EXPECT_FALSE(reply.candidates(0).has_first_token_ms());
  EXPECT_EQ(reply.candidates(1).provider(), "c");
  EXPECT_THAT(reply.candidates(1).first_probability(), DoubleNear(0.1, 1e-9));
  EXPECT_EQ(reply.candidates(1).output_tokens_per_second(), 80);
  EXPECT_EQ(reply.candidates(1).first_token_ms(), 400);
  EXPECT_EQ(reply.candidates(2).provider(), "b");
  EXPECT_EQ(reply.candidates(2).first_probability(), 0);
  EXPECT_TRUE(reply.candidates(2).outage());
}

TEST_F(ExplainTest, SaysWhatExcludes) {
  permissions_.add_providers("a");
  permissions_.add_providers("c");
  const v1::ExplainReply reply = explained(R"({"allow_fallbacks":false})", {R"({"max_price":{"prompt":2}})"});
  EXPECT_FALSE(reply.fallbacks());
  ASSERT_EQ(reply.candidates_size(), 1);
  EXPECT_EQ(reply.candidates(0).first_probability(), 1);
  ASSERT_EQ(reply.excluded_size(), 2);
  EXPECT_EQ(reply.excluded(0).provider(), "b");
  EXPECT_EQ(reply.excluded(0).by(), "the key's permissions");
  EXPECT_EQ(reply.excluded(1).provider(), "c");
  EXPECT_EQ(reply.excluded(1).by(), "provider.max_price.prompt (2 USD)");
}

TEST_F(ExplainTest, NobodyLeftIsAnAnswerToo) {
  const v1::ExplainReply reply = explained(R"({"only":["z"]})");
  EXPECT_EQ(reply.candidates_size(), 0);
  EXPECT_EQ(reply.excluded_size(), 3);
}

TEST_F(ExplainTest, RefusesWhatARequestIsRefusedFor) {
  v1::ExplainRequest request;
  request.set_model("nope");
  const auto message = [&] { return failure_of(explain(request, *table_, {}, {}, health_).status()).message(); };
  EXPECT_THAT(message(), HasSubstr("nope is not in the catalog"));
  request.set_model("x/m");
  request.set_provider_preferences(R"({"zdr":1})");
  EXPECT_THAT(message(), HasSubstr("provider.zdr: expected true or false"));
  request.clear_provider_preferences();
  request.set_prompt_tokens(-1);
  EXPECT_THAT(message(), HasSubstr("prompt_tokens"));
}

}  // namespace
}  // namespace tollgate::router
