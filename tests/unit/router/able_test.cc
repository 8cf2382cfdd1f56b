// Endpoints that take no system messages within a conversation.
#include "services/router/able.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"
#include "services/router/request_scan.h"
#include "services/router/roles.h"

namespace tollgate::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// With the spare capacity that a scanned body has.
std::string padded(std::string_view body) {
  std::string made;
  made.reserve(body.size() + 64);
  made.append(body);
  return made;
}

bool found(const std::string& body) {
  return has_system_message(padded(body));
}

TEST(SystemMessages, AreEntriesOfMessagesOnly) {
  EXPECT_TRUE(found(R"({"messages":[{"role":"user","content":"x"},{"role":"system","content":"y"}]})"));
  EXPECT_TRUE(found(R"({"m":1,"messages":[{"content":[{"role":"user"}] , "role" : "syst\u0065m" }],"x":2})"));
  EXPECT_FALSE(found(R"({"messages":[{"role":"user","content":"\"role\":\"system\""}],"system":"role: system"})"));
  EXPECT_FALSE(found(R"({"messages":[{"role":"assistant","content":[{"input":{"role":"system"}}]}]})"));
  EXPECT_FALSE(found(R"({"metadata":{"messages":[{"role":"system"}]},"messages":[]})"));
  for (const char* other :
       {"{}", "[]", "", "{", R"({"messages":{}})", R"({"messages":[1,null,"system",[],{"role":1}]})",
        R"({"messages":[{"role")", R"({"messages":"system"})"})
    EXPECT_FALSE(found(other)) << other;
}

class Able : public testing::Test {
 protected:
  Able() {
    model_.set_id("a/m");
    for (const char* provider : {"silent", "no", "yes"}) {
      v1::Endpoint& endpoint = *model_.add_endpoints();
      endpoint.set_provider(provider);
      if (std::string_view(provider) != "silent")
        endpoint.mutable_features()->set_mid_conversation_system(std::string_view(provider) == "yes");
    }
  }

  std::vector<std::string> left(const std::string& body, std::vector<int> endpoints) {
    std::vector<Candidate> candidates;
    for (int index : endpoints)
      candidates.push_back({&model_, &model_.endpoints(index)});
    status_ = keep_able(padded(body), candidates);
    std::vector<std::string> out;
    for (const Candidate& candidate : candidates)
      out.push_back(candidate.endpoint->provider());
    return out;
  }

  v1::Model model_;
  absl::Status status_;
};

TEST_F(Able, OnlyRequestsWithASystemMessagePassOver) {
  EXPECT_THAT(left(R"({"messages":[{"role":"user"}]})", {0, 1, 2}), ElementsAre("silent", "no", "yes"));
  EXPECT_THAT(left(R"({"messages":[{"role":"system"}]})", {0, 1, 2}), ElementsAre("silent", "yes"));
  EXPECT_TRUE(status_.ok());
}

TEST_F(Able, NoneLeftSaysSoInWordsThatClientsKnow) {
  EXPECT_THAT(left(R"({"messages":[{"role":"system"}]})", {1}), ElementsAre());
  const v1::Failure failure = failure_of(status_);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(failure.http_status(), 400u);
  EXPECT_THAT(failure.message(), HasSubstr("role 'system' is not supported on this model"));
}

TEST(Members, StandWhereTheScanSaysTheyStand) {
  std::string body = R"({ "x":1,"mod\u0065l" :  "a\"b" ,"stream":true,"anthropic_beta":["x"] })";
  const auto scan = scan_request(body);
  ASSERT_TRUE(scan.ok()) << scan.status();
  std::vector<std::string> texts;
  for (const v1::Member& member : scan->members)
    texts.push_back(member.name() + "=" + body.substr(member.begin(), member.end() - member.begin()));
  EXPECT_THAT(texts, ElementsAre(R"(model="mod\u0065l" :  "a\"b")", R"(stream="stream":true)",
                                 R"(anthropic_beta="anthropic_beta":["x"])"));
  std::string twice = R"({"model":"a","anthropic_version":"1","anthropic_version":"2"})";
  EXPECT_FALSE(scan_request(twice).ok());
}

}  // namespace
}  // namespace tollgate::router
