#include "services/budget/activity_match.h"

#include <gmock/gmock.h>

#include <random>

namespace tollgate {
namespace {

v1::ActivityRecord record() {
  v1::ActivityRecord record;
  record.set_generation_id("gen-1764000000-AbC");
  record.set_key_id(std::string(64, 'a'));
  record.set_key_name("CI Key");
  record.set_model_asked("claude");
  record.set_model("anthropic/claude-sonnet-4");
  record.set_provider("bedrock");
  record.set_status(200);
  record.set_session_id("session-1");
  record.set_user_agent("claude-cli/2.1");
  record.set_app("cli");
  return record;
}

bool found(const v1::ActivityRecord& record, const std::string& search) {
  v1::ActivityFilter filter;
  filter.set_search(search);
  const ActivityMatch match(filter);
  EXPECT_TRUE(match.may_fit(record.SerializeAsString()) || !match.fits(record)) << search;
  return match.fits(record);
}

TEST(ActivityMatch, SearchesInEitherCase) {
  for (const char* text : {"", "GEN-", "abc", "ci key", "KEY", "sonnet-4", "Session-1", "CLI/2.1", "i", "1"})
    EXPECT_TRUE(found(record(), text)) << text;
  for (const char* text : {"gen-2", "bedrock", "abcd", "session-11", "keyy", "\x01"})
    EXPECT_FALSE(found(record(), text)) << text;
  EXPECT_FALSE(found(v1::ActivityRecord(), "a"));
  EXPECT_TRUE(found(v1::ActivityRecord(), ""));
}

TEST(ActivityMatch, BytesWithoutWhatIsWantedAreNotRead) {
  const std::string bytes = record().SerializeAsString();
  v1::ActivityFilter filter;
  filter.set_search("nothing has this");
  EXPECT_FALSE(ActivityMatch(filter).may_fit(bytes));
  filter.clear_search();
  filter.add_sessions("session-2");
  EXPECT_FALSE(ActivityMatch(filter).may_fit(bytes));
  filter.add_sessions("session-1");
  EXPECT_TRUE(ActivityMatch(filter).may_fit(bytes));
  filter.add_models("openai/gpt-5");
  EXPECT_FALSE(ActivityMatch(filter).may_fit(bytes));
  EXPECT_FALSE(ActivityMatch(filter).may_fit(""));
  EXPECT_TRUE(ActivityMatch(v1::ActivityFilter()).may_fit(""));
}

// Whatever fits is never passed over.
TEST(ActivityMatch, WhatFitsMayFit) {
  std::mt19937 random(1);
  const auto text = [&] {
    static constexpr std::string_view kLetters = "aAbB-/ \xc3\xa4";
    std::string out;
    for (std::size_t length = random() % 4; length > 0; --length)
      out += kLetters[random() % kLetters.size()];
    return out;
  };
  int fitting = 0;
  for (int i = 0; i < 100'000; ++i) {
    v1::ActivityRecord record;
    record.set_key_id(text());
    record.set_key_name(text());
    record.set_model(text());
    record.set_provider(text());
    record.set_session_id(text());
    record.set_user_agent(text());
    record.set_status(random() % 600);
    v1::ActivityFilter filter;
    if (random() % 2 == 0)
      filter.set_search(text());
    for (auto* wanted :
         {filter.mutable_keys(), filter.mutable_models(), filter.mutable_providers(), filter.mutable_sessions()}) {
      for (std::size_t count = random() % 3; count > 0; --count)
        wanted->Add(text());
    }
    const ActivityMatch match(filter);
    if (!match.fits(record))
      continue;
    ++fitting;
    ASSERT_TRUE(match.may_fit(record.SerializeAsString())) << record.ShortDebugString() << filter.ShortDebugString();
  }
  EXPECT_GT(fitting, 100);
}

}  // namespace
}  // namespace tollgate
