#include "services/provider_adapter/anthropic/usage.h"

#include <gtest/gtest.h>

namespace tollgate::anthropic {
namespace {

std::string start(const std::string& usage) {
  return R"({"type":"message_start","message":{"id":"m","usage":)" + usage + "}}";
}
std::string delta(const std::string& usage) {
  return R"({"type":"message_delta","delta":{},"usage":)" + usage + "}";
}

v1::Usage counts(std::int64_t input, std::int64_t output, std::int64_t read, std::int64_t write_5m,
                 std::int64_t write_1h) {
  v1::Usage usage;
  usage.set_input_tokens(input);
  usage.set_output_tokens(output);
  usage.set_cache_read_tokens(read);
  usage.set_cache_write_5m_tokens(write_5m);
  usage.set_cache_write_1h_tokens(write_1h);
  return usage;
}

struct Case {
  std::string name;
  std::string start;
  std::vector<std::string> deltas;
  v1::Usage expected;
};

v1::Usage full() {
  v1::Usage usage = counts(3, 20, 100, 30, 70);
  usage.set_web_search_requests(2);
  usage.set_web_fetch_requests(1);
  usage.set_service_tier("priority");
  usage.set_speed("fast");
  usage.set_inference_geo("us");
  return usage;
}

TEST(Usage, Merge) {
  const std::vector<Case> cases = {
      {"plain", R"({"input_tokens":10,"output_tokens":1})", {R"({"output_tokens":25})"}, counts(10, 25, 0, 0, 0)},
      {"deltas are cumulative, not added",
       R"({"input_tokens":10,"output_tokens":1})",
       {R"({"output_tokens":25})", R"({"output_tokens":30})"},
       counts(10, 30, 0, 0, 0)},
      {"nulls change nothing",
       R"({"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1})",
       {R"({"input_tokens":null,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"output_tokens":9})"},
       counts(10, 9, 5, 0, 0)},
      {"zero overwrites",
       R"({"input_tokens":10,"output_tokens":1})",
       {R"({"input_tokens":0,"output_tokens":9})"},
       counts(0, 9, 0, 0, 0)},
      {"input that grows with server tools",
       R"({"input_tokens":10,"output_tokens":1})",
       {R"({"input_tokens":900,"output_tokens":9,"server_tool_use":{"web_search_requests":0}})"},
       counts(900, 9, 0, 0, 0)},
      {"input only at the end (other upstreams)",
       R"({"input_tokens":0,"output_tokens":0})",
       {R"({"input_tokens":77,"output_tokens":9})"},
       counts(77, 9, 0, 0, 0)},
      {"writes without a split count as five minutes",
       R"({"input_tokens":1,"cache_creation_input_tokens":50,"output_tokens":1})",
       {},
       counts(1, 1, 0, 50, 0)},
      {"split",
       R"({"input_tokens":1,"cache_creation_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":70},"output_tokens":1})",
       {R"({"cache_creation_input_tokens":100,"output_tokens":2})"},
       counts(1, 2, 0, 30, 70)},
      {"total that grows beyond its split",
       R"({"input_tokens":1,"cache_creation_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":70},"output_tokens":1})",
       {R"({"cache_creation_input_tokens":140,"output_tokens":2})"},
       counts(1, 2, 0, 70, 70)},
      {"split without a total",
       R"({"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":70},"output_tokens":1})",
       {},
       counts(1, 1, 0, 30, 70)},
      {"everything",
       R"({"input_tokens":3,"cache_creation_input_tokens":100,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":70},"output_tokens":1,"service_tier":"priority","speed":"fast","inference_geo":"us","novelty":{"a":[1,2]}})",
       {R"({"output_tokens":20,"server_tool_use":{"web_search_requests":2,"web_fetch_requests":1}})"},
       full()},
      {"nonsense is no count",
       R"({"input_tokens":10,"output_tokens":1})",
       {R"({"input_tokens":-5,"output_tokens":"many","cache_read_input_tokens":9e18})",
        R"({"input_tokens":99999999999999999999,"output_tokens":1.5,"cache_creation":7,"server_tool_use":[]})"},
       counts(10, 1, 0, 0, 0)},
      {"usage that is null", "null", {"null"}, counts(0, 0, 0, 0, 0)},
      {"order of members",
       R"({"output_tokens":1,"cache_read_input_tokens":2,"input_tokens":3})",
       {},
       counts(3, 1, 2, 0, 0)},
  };
  for (const Case& c : cases) {
    UsageTracker tracker;
    EXPECT_TRUE(tracker.read_message_start(start(c.start))) << c.name;
    EXPECT_FALSE(tracker.usage().final()) << c.name;
    v1::Usage expected = c.expected;
    for (const std::string& d : c.deltas) {
      EXPECT_TRUE(tracker.read_message_delta(delta(d))) << c.name;
      expected.set_final(expected.final() || d != "null");
    }
    EXPECT_EQ(tracker.usage().DebugString(), expected.DebugString()) << c.name;
  }
}

v1::Usage with_advisor(v1::Usage usage, const std::string& model, const v1::Usage& counts) {
  v1::OtherModelUsage& part = *usage.add_other_models();
  part.set_model(model);
  part.set_input_tokens(counts.input_tokens());
  part.set_output_tokens(counts.output_tokens());
  part.set_cache_read_tokens(counts.cache_read_tokens());
  part.set_cache_write_5m_tokens(counts.cache_write_5m_tokens());
  part.set_cache_write_1h_tokens(counts.cache_write_1h_tokens());
  return usage;
}

struct IterationsCase {
  const char* name;
  std::string usage;
  v1::Usage expected;
};

// Source: https://docs.anthropic.com/en/docs/build-with-claude/compaction#understanding-usage
TEST(Usage, Iterations) {
  const std::vector<IterationsCase> cases = {
      {"none", R"({"input_tokens":10,"output_tokens":5,"iterations":null})", counts(10, 5, 0, 0, 0)},
      {"an empty list", R"({"input_tokens":10,"output_tokens":5,"iterations":[]})", counts(10, 5, 0, 0, 0)},
      {"messages are in the sums already",
       R"({"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":4,"output_tokens":2},{"type":"message","input_tokens":6,"output_tokens":3}]})",
       counts(10, 5, 0, 0, 0)},
      {"a compaction is not",
       R"({"input_tokens":23000,"output_tokens":1000,"iterations":[{"type":"compaction","input_tokens":180000,"output_tokens":3500},{"type":"message","input_tokens":23000,"output_tokens":1000}]})",
       counts(203'000, 4'500, 0, 0, 0)},
      {"members in any order, and unknown ones",
       R"({"iterations":[{"output_tokens":3,"x":[{"input_tokens":99}],"input_tokens":7,"type":"compaction"}],"output_tokens":5,"input_tokens":10})",
       counts(17, 8, 0, 0, 0)},
      {"two compactions",
       R"({"input_tokens":1,"output_tokens":1,"iterations":[{"type":"compaction","input_tokens":10,"output_tokens":20},{"type":"compaction","input_tokens":30,"output_tokens":40}]})",
       counts(41, 61, 0, 0, 0)},
      {"sums of cached tokens without the compaction",
       R"({"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":50,"iterations":[{"type":"compaction","input_tokens":10,"output_tokens":20,"cache_read_input_tokens":700,"cache_creation_input_tokens":80,"cache_creation":{"ephemeral_1h_input_tokens":80}},{"type":"message","input_tokens":1,"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":50}]})",
       counts(11, 21, 800, 50, 80)},
      {"sums of cached tokens with it",
       R"({"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":800,"cache_creation_input_tokens":130,"iterations":[{"type":"compaction","input_tokens":10,"output_tokens":20,"cache_read_input_tokens":700,"cache_creation_input_tokens":80},{"type":"message","input_tokens":1,"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":50}]})",
       counts(11, 21, 800, 130, 0)},
      {"an advisor has its own price",
       R"({"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5},{"type":"advisor_message","model":"claude-opus-4-6","input_tokens":900,"output_tokens":80,"cache_read_input_tokens":7,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}]})",
       with_advisor(counts(10, 5, 0, 0, 0), "claude-opus-4-6", counts(900, 80, 7, 10, 20))},
      {"each turn of an advisor stands alone",
       R"({"input_tokens":10,"output_tokens":5,"iterations":[{"type":"advisor_message","model":"o","input_tokens":1,"output_tokens":2},{"type":"advisor_message","model":"o","input_tokens":3,"output_tokens":4}]})",
       with_advisor(with_advisor(counts(10, 5, 0, 0, 0), "o", counts(1, 2, 0, 0, 0)), "o", counts(3, 4, 0, 0, 0))},
      {"an advisor without a name",
       R"({"input_tokens":10,"output_tokens":5,"iterations":[{"type":"advisor_message","model":null,"input_tokens":1,"output_tokens":2}]})",
       with_advisor(counts(10, 5, 0, 0, 0), "", counts(1, 2, 0, 0, 0))},
      {"a fallback: the sums are the serving model's",
       R"({"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":3,"iterations":[{"type":"message","model":"a","input_tokens":900,"output_tokens":1,"cache_read_input_tokens":50},{"type":"fallback_message","model":"b","input_tokens":10,"output_tokens":5,"cache_read_input_tokens":3}]})",
       counts(10, 5, 3, 0, 0)},
      {"a fallback behind a compaction",
       R"({"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":3,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":7,"cache_read_input_tokens":1},{"type":"message","input_tokens":900,"output_tokens":1,"cache_read_input_tokens":50},{"type":"fallback_message","input_tokens":10,"output_tokens":5}]})",
       counts(110, 12, 3, 0, 0)},
      {"what is no list, and what is no iteration",
       R"({"input_tokens":10,"output_tokens":5,"iterations":[1,null,"x",[],{},{"type":7,"input_tokens":5},{"type":"novelty","input_tokens":5,"output_tokens":5},{"type":"compaction","input_tokens":-1,"output_tokens":1}]})",
       counts(10, 6, 0, 0, 0)},
      {"an object is no list", R"({"input_tokens":10,"output_tokens":5,"iterations":{"type":"compaction"}})",
       counts(10, 5, 0, 0, 0)},
  };
  for (IterationsCase c : cases) {
    c.expected.set_final(true);
    UsageTracker streamed;
    ASSERT_TRUE(streamed.read_message_start(start(R"({"input_tokens":1,"output_tokens":1})"))) << c.name;
    EXPECT_TRUE(streamed.read_message_delta(delta(c.usage))) << c.name;
    EXPECT_EQ(streamed.usage().DebugString(), c.expected.DebugString()) << c.name;
    UsageTracker whole;
    std::optional<ApiError> error;
    EXPECT_TRUE(read_message(R"({"id":"m","usage":)" + c.usage + "}", whole, error)) << c.name;
    EXPECT_EQ(whole.usage().DebugString(), c.expected.DebugString()) << c.name;
  }
}

TEST(Usage, IterationsAreCumulative) {
  UsageTracker tracker;
  ASSERT_TRUE(tracker.read_message_start(start(
      R"({"input_tokens":10,"output_tokens":1,"iterations":[{"type":"compaction","input_tokens":5,"output_tokens":1}]})")));
  EXPECT_EQ(tracker.usage().input_tokens(), 15);
  EXPECT_FALSE(tracker.usage().final());
  ASSERT_TRUE(tracker.read_message_delta(delta(
      R"({"output_tokens":3,"iterations":[{"type":"compaction","input_tokens":5,"output_tokens":9},{"type":"advisor_message","model":"o","input_tokens":1}]})")));
  EXPECT_EQ(tracker.usage().input_tokens(), 15);
  EXPECT_EQ(tracker.usage().output_tokens(), 12);
  ASSERT_TRUE(tracker.read_message_delta(delta(R"({"output_tokens":4,"iterations":null})")));
  EXPECT_EQ(tracker.usage().output_tokens(), 13);
  EXPECT_EQ(tracker.usage().other_models_size(), 1);
}

TEST(Usage, IsFinalWhenTheUpstreamHasCountedToTheEnd) {
  UsageTracker tracker;
  ASSERT_TRUE(tracker.read_message_start(start(R"({"input_tokens":10,"output_tokens":1})")));
  EXPECT_TRUE(tracker.take_change());
  ASSERT_TRUE(tracker.read_message_delta(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})"));
  EXPECT_FALSE(tracker.usage().final());
  EXPECT_FALSE(tracker.take_change());
  // The same counts, and yet news.
  ASSERT_TRUE(tracker.read_message_delta(delta(R"({"output_tokens":1})")));
  EXPECT_TRUE(tracker.take_change());
  EXPECT_TRUE(tracker.usage().final());
  UsageTracker uncounted;
  std::optional<ApiError> error;
  EXPECT_TRUE(read_message(R"({"id":"m","content":[],"usage":null})", uncounted, error));
  EXPECT_FALSE(uncounted.usage().final());
}

TEST(Usage, ChangeIsToldOnce) {
  UsageTracker tracker;
  EXPECT_FALSE(tracker.take_change());
  ASSERT_TRUE(tracker.read_message_delta(delta(R"({"output_tokens":5})")));
  EXPECT_TRUE(tracker.take_change());
  EXPECT_FALSE(tracker.take_change());
  ASSERT_TRUE(tracker.read_message_delta(delta(R"({"output_tokens":5})")));
  EXPECT_FALSE(tracker.take_change());
}

TEST(Usage, MembersInFrontOfTheOnesThatMatter) {
  UsageTracker tracker;
  EXPECT_TRUE(tracker.read_message_start(
      R"({"z":{"usage":{"input_tokens":1}},"message":{"content":[{"usage":{"input_tokens":2}}],"us\u0061ge":{"input_tokens":3}}})"));
  EXPECT_EQ(tracker.usage().input_tokens(), 3);
}

TEST(Usage, Errors) {
  struct ErrorCase {
    std::string json;
    bool found;
    bool of_api;
    std::string type;
    std::string message;
  };
  const std::vector<ErrorCase> cases = {
      {R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded","details":null},"request_id":"r"})",
       true, true, "overloaded_error", "Overloaded"},
      {R"({"error":{"message":"m","type":"x","code":"c"}})", true, false, "x", "m"},
      {R"({"error":{"message":"m"},"type":"error"})", true, false, "", "m"},
      {R"({"error":"text"})", false, false, "", ""},
      {R"({"detail":"Not Found"})", false, false, "", ""},
      {R"([])", false, false, "", ""},
      {"<html>", false, false, "", ""},
      {"", false, false, "", ""},
      {R"({"type":"error","error":{"type":"a")", false, false, "", ""},
  };
  for (const ErrorCase& c : cases) {
    const auto error = read_error(c.json);
    ASSERT_EQ(error.has_value(), c.found) << c.json;
    if (!error)
      continue;
    EXPECT_EQ(error->of_api, c.of_api) << c.json;
    EXPECT_EQ(error->type, c.type) << c.json;
    EXPECT_EQ(error->message, c.message) << c.json;
  }
}

TEST(Usage, WholeMessage) {
  UsageTracker usage;
  std::optional<ApiError> error;
  EXPECT_TRUE(read_message(
      R"( {"id":"m","content":[{"type":"text","text":"x"}],"usage":{"input_tokens":4,"output_tokens":6}} )", usage,
      error));
  EXPECT_FALSE(error);
  EXPECT_EQ(usage.usage().input_tokens(), 4);
  EXPECT_EQ(usage.usage().output_tokens(), 6);
  for (const char* bad : {"", " ", "<html>{}", "[]", "1", "{\"a\":1", "{\"usage\":{\"input_tokens\":1}"}) {
    UsageTracker none;
    EXPECT_FALSE(read_message(bad, none, error)) << bad;
  }
  EXPECT_TRUE(read_message(R"({"type":"error","error":{"type":"api_error","message":"m"}})", usage, error));
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->of_api);
}

TEST(Usage, LargeMessage) {
  UsageTracker usage;
  std::optional<ApiError> error;
  const std::string json =
      R"({"content":[{"text":")" + std::string(8 << 20, 'x') + R"("}],"usage":{"input_tokens":4,"output_tokens":6}})";
  EXPECT_TRUE(read_message(json, usage, error));
  EXPECT_EQ(usage.usage().output_tokens(), 6);
}

TEST(Usage, TellsWhyTheResponseEnded) {
  UsageTracker streamed;
  ASSERT_TRUE(streamed.read_message_delta(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{}})"));
  EXPECT_EQ(streamed.usage().stop_reason(), "tool_use");
  ASSERT_TRUE(streamed.read_message_delta(R"({"delta":{"stop_reason":null}})"));
  ASSERT_TRUE(streamed.read_message_delta(R"({"delta":null})"));
  EXPECT_EQ(streamed.usage().stop_reason(), "tool_use");
  UsageTracker whole;
  std::optional<ApiError> error;
  ASSERT_TRUE(
      read_message(R"({"type":"message","stop_reason":"max_tokens","usage":{"output_tokens":3}})", whole, error));
  EXPECT_EQ(whole.usage().stop_reason(), "max_tokens");
}

}  // namespace
}  // namespace tollgate::anthropic
