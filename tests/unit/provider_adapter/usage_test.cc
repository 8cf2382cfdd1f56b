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
    for (const std::string& d : c.deltas)
      EXPECT_TRUE(tracker.read_message_delta(delta(d))) << c.name;
    EXPECT_EQ(tracker.usage().DebugString(), c.expected.DebugString()) << c.name;
  }
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

}  // namespace
}  // namespace tollgate::anthropic
