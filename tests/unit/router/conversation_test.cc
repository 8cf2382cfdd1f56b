#include "services/router/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using testing::HasSubstr;
using Named = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<Conversation> conversation(std::string body, const Named& named = {}) {
  Headers headers;
  for (const auto& [name, value] : named) {
    v1::Header& header = *headers.Add();
    header.set_name(name);
    header.set_value(value);
  }
  const absl::StatusOr<RequestScan> scan = scan_request(body);
  EXPECT_TRUE(scan.ok()) << body << scan.status();
  return conversation_of(*scan, body, headers);
}

std::string id(const std::string& body, const Named& named = {}) {
  const absl::StatusOr<Conversation> result = conversation(body, named);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(Conversation()).id;
}

TEST(Conversation, TheClientsOwnNameComesFirst) {
  const std::string body = R"({"model":"m","session_id":"s1","metadata":{"user_id":"user_a_account__session_s4"}})";
  const std::string without = R"({"model":"m","metadata":{"user_id":"user_a_account__session_s4"}})";
  const Named both = {{"X-Claude-Code-Session-Id", "s3"}, {"X-Session-Id", "s2"}};
  EXPECT_EQ(id(body, both), "session s1");
  EXPECT_EQ(id(without, both), "session s2");
  EXPECT_EQ(id(without, {{"x-claude-code-session-id", "s3"}}), "session s3");
  EXPECT_EQ(id(without), "session s4");
  EXPECT_TRUE(conversation(without)->named);
  EXPECT_FALSE(conversation(R"({"model":"m"})")->named);
}

TEST(Conversation, FindsTheSessionInTheUserId) {
  const char* same[] = {
      R"({"model":"m","metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"x-y\"}"}})",
      R"({"model":"m","metadata":{"user_id":"user_00_account__session_x-y"}})",
  };
  for (const char* body : same)
    EXPECT_EQ(id(body), "session x-y") << body;
  // No session there: another conversation is not a guess, but none is.
  const char* none[] = {
      R"({"model":"m","metadata":{"user_id":"somebody"}})",
      R"({"model":"m","metadata":{"user_id":7}})",
      R"({"model":"m","metadata":{"user_id":"{\"session_id\":7}"}})",
      R"({"model":"m","metadata":"_session_x"})",
      R"({"model":"m","metadata":null})",
      R"({"model":"m","metadata":{"user_id":"_session_"}})",
  };
  for (const char* body : none)
    EXPECT_FALSE(conversation(body)->named) << body;
}

TEST(Conversation, AHeaderThatIsTooLongIsRefused) {
  const absl::Status status = conversation(R"({"model":"m"})", {{"x-session-id", std::string(257, 'x')}}).status();
  EXPECT_EQ(failure_of(status).kind(), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_THAT(failure_of(status).message(), HasSubstr("x-session-id: expected at most 256 bytes, got 257"));
}

std::string talk(const std::string& system, const std::string& messages) {
  return R"({"model":"m","system":)" + system + R"(,"messages":[)" + messages + "]}";
}

TEST(Conversation, IsGuessedByItsBeginning) {
  const std::string user = R"({"role":"user","content":"hello [\"}, there"})";
  const std::string base = id(talk(R"("be brief")", user));
  EXPECT_EQ(id(talk(R"("be brief")", user + R"(,{"role":"assistant","content":"a"},{"role":"user","content":"b"})")),
            base);
  EXPECT_NE(id(talk(R"("be long")", user)), base);
  EXPECT_NE(id(talk(R"("be brief")", R"({"role":"user","content":"good bye"})")), base);
  // System messages among the others do not hide the user's.
  const std::string system = R"({"role":"system","content":"x"},)";
  EXPECT_EQ(id(talk(R"("be brief")", system + user)), base);
  EXPECT_EQ(id(talk(R"("be brief")", R"( {"role": "system","content":"x"} , )" + user)), base);
}

// Clients mark the end of what is to be cached, and that moves on.
TEST(Conversation, CacheMarksAreNoPartOfIt) {
  const auto user = [](const std::string& mark) {
    return R"({"role":"user","content":[{"type":"text","text":"hello")" + mark + "}]}";
  };
  const std::string base = id(talk("[]", user("")));
  EXPECT_EQ(id(talk("[]", user(R"(,"cache_control":{"type":"ephemeral"})"))), base);
  EXPECT_EQ(id(talk("[]", user(R"( , "cache_control" : {"type":"ephemeral","ttl":"1h"})"))), base);
  EXPECT_EQ(
      id(talk("[]",
              R"({"role":"user","content":[{"cache_control":{"type":"ephemeral"},"type":"text","text":"hello"}]})")),
      base);
  EXPECT_NE(id(talk("[]", user(R"(,"x":{"type":"ephemeral"})"))), base);
}

TEST(Conversation, OddMessagesAreNoTrouble) {
  const char* bodies[] = {
      R"({"model":"m","messages":[]})",       R"({"model":"m","messages":"x"})",
      R"({"model":"m","messages":[1,2]})",    R"({"model":"m","messages":[ ]})",
      R"({"model":"m","messages":7})",        R"({"model":"m","messages":["a\\",[]]})",
      R"({"model":"m","messages":[[[{}]]]})", R"({"model":"m","system":"\"cache_control\""})",
  };
  for (const char* body : bodies)
    EXPECT_THAT(id(body), HasSubstr("prompt ")) << body;
  // The first message alone is looked at, and only its beginning.
  std::string large(1 << 20, 'x');
  EXPECT_EQ(id(talk("\"\"", R"({"role":"user","content":")" + large + "a\"}")),
            id(talk("\"\"", R"({"role":"user","content":")" + large + "b\"}")));
}

}  // namespace
}  // namespace tollgate::router
