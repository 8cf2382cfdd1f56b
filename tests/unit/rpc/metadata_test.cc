#include "services/common/rpc/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;
using testing::AllOf;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

// The entries' strings outlive the result.
Metadata metadata_of(const Entries& entries) {
  Metadata metadata;
  for (const auto& [name, value] : entries)
    metadata.emplace(grpc::string_ref(name), grpc::string_ref(value));
  return metadata;
}

std::vector<std::string> headers_of(const v1::CreateRequest& request) {
  std::vector<std::string> out;
  for (const v1::Header& header : request.headers())
    out.push_back(header.name() + ": " + header.value());
  return out;
}

struct KeyCase {
  const char* name;
  Entries metadata;
  // Null: refused.
  const char* key;
};

class KeyFromMetadata : public testing::TestWithParam<KeyCase> {};

TEST_P(KeyFromMetadata, Is) {
  const absl::StatusOr<std::string> key = key_from_metadata(metadata_of(GetParam().metadata));
  if (GetParam().key == nullptr) {
    EXPECT_EQ(failure_of(key.status()).kind(), v1::Failure::KIND_UNAUTHENTICATED);
    return;
  }
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(*key, GetParam().key);
}

INSTANTIATE_TEST_SUITE_P(
    Table, KeyFromMetadata,
    testing::Values(
        KeyCase{"none", {{"user-agent", "x"}}, ""},
        KeyCase{"bearer", {{"authorization", "Bearer sk-tg-v1-a"}}, "sk-tg-v1-a"},
        KeyCase{"scheme_in_any_case", {{"authorization", "bEARER   sk-tg-v1-a"}}, "sk-tg-v1-a"},
        KeyCase{"other_scheme", {{"authorization", "Basic sk-tg-v1-a"}}, ""},
        KeyCase{"bearer_of_nothing", {{"authorization", "Bearer "}}, ""},
        KeyCase{"scheme_alone", {{"authorization", "Bearer"}}, ""},
        KeyCase{"x_api_key", {{"x-api-key", "sk-tg-v1-a"}}, "sk-tg-v1-a"},
        KeyCase{"the_tollgate_key_counts",
                {{"authorization", "Bearer sk-ant-b"}, {"x-api-key", "sk-tg-v1-a"}},
                "sk-tg-v1-a"},
        KeyCase{"the_tollgate_key_counts_wherever",
                {{"authorization", "Bearer sk-tg-v1-a"}, {"x-api-key", "sk-ant-b"}},
                "sk-tg-v1-a"},
        KeyCase{"the_same_twice", {{"authorization", "Bearer sk-tg-v1-a"}, {"x-api-key", "sk-tg-v1-a"}}, "sk-tg-v1-a"},
        KeyCase{"two_of_ours", {{"authorization", "Bearer sk-tg-v1-b"}, {"x-api-key", "sk-tg-v1-a"}}, nullptr},
        KeyCase{"two_of_ours_in_one_name", {{"x-api-key", "sk-tg-v1-b"}, {"x-api-key", "sk-tg-v1-a"}}, nullptr},
        KeyCase{"none_of_ours", {{"authorization", "Bearer a"}, {"x-api-key", "b"}}, "a"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(MergeMetadata, GivesAPlainCallerTheHeadersOfHttp) {
  const Entries entries = {{"authorization", "Bearer sk-tg-v1-a"},
                           {"anthropic-beta", "one"},
                           {"anthropic-beta", "two"},
                           {"anthropic-version", "2023-06-01"},
                           {"x-stainless-lang", "js"},
                           {"user-agent", "tool/1"},
                           {"x-api-key", "sk-tg-v1-a"},
                           {"x-trace-bin", "\x01"},
                           {"grpc-accept-encoding", "identity"},
                           {"te", "trailers"}};
  v1::CreateRequest request;
  request.set_body("{}");
  ASSERT_TRUE(merge_metadata(metadata_of(entries), request).ok());
  EXPECT_EQ(request.api_key(), "sk-tg-v1-a");
  EXPECT_EQ(request.body(), "{}");
  EXPECT_THAT(headers_of(request),
              UnorderedElementsAre("anthropic-beta: one", "anthropic-beta: two", "anthropic-version: 2023-06-01",
                                   "x-stainless-lang: js", "user-agent: tool/1", StartsWith("traceparent: 00-")));
}

constexpr const char* kTraceOfCaller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(MergeMetadata, APlainCallersTraceGoesOnInASpanOfOurs) {
  const Entries entries = {
      {"authorization", "Bearer sk-tg-v1-a"}, {"traceparent", kTraceOfCaller}, {"tracestate", "a=1"}};
  v1::CreateRequest request;
  ASSERT_TRUE(merge_metadata(metadata_of(entries), request).ok());
  EXPECT_THAT(headers_of(request), ElementsAre(AllOf(StartsWith("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"),
                                                     Not(testing::HasSubstr("00f067aa0ba902b7"))),
                                               "tracestate: a=1"));
}

TEST(MergeMetadata, ATraceThatWasEnteredStaysAsItIs) {
  const Entries entries = {{"traceparent", kTraceOfCaller}};
  v1::CreateRequest request;
  request.set_api_key("sk-tg-v1-a");
  v1::Header* header = request.add_headers();
  header->set_name("traceparent");
  header->set_value(kTraceOfCaller);
  ASSERT_TRUE(merge_metadata(metadata_of(entries), request).ok());
  EXPECT_THAT(headers_of(request), ElementsAre(std::string("traceparent: ") + kTraceOfCaller));
  // A caller that carries nonsense is given a new one.
  header = request.mutable_headers(0);
  header->set_value("00-nonsense");
  ASSERT_TRUE(merge_metadata(Metadata(), request).ok());
  EXPECT_THAT(headers_of(request),
              ElementsAre(AllOf(StartsWith("traceparent: 00-"), Not(testing::HasSubstr("nonsense")))));
}

TEST(MergeMetadata, WhatTheRequestCarriesCounts) {
  const Entries entries = {{"authorization", "Bearer sk-tg-v1-other"},
                           {"anthropic-version", "2023-06-01"},
                           {"user-agent", "grpc-c++/1.51"},
                           {"x-added", "1"}};
  v1::CreateRequest request;
  request.set_api_key("sk-tg-v1-a");
  v1::Header* header = request.add_headers();
  header->set_name("Anthropic-Version");
  header->set_value("2099-01-01");
  ASSERT_TRUE(merge_metadata(metadata_of(entries), request).ok());
  EXPECT_EQ(request.api_key(), "sk-tg-v1-a");
  // The user agent is the calling service's, not the client's.
  EXPECT_THAT(headers_of(request),
              ElementsAre("Anthropic-Version: 2099-01-01", "x-added: 1", StartsWith("traceparent: 00-")));
}

TEST(MergeMetadata, TwoKeysAreRefused) {
  const Entries entries = {{"authorization", "Bearer sk-tg-v1-b"}, {"x-api-key", "sk-tg-v1-a"}};
  v1::CreateRequest request;
  const absl::Status status = merge_metadata(metadata_of(entries), request);
  EXPECT_EQ(failure_of(status).http_status(), 401u);
}

}  // namespace
}  // namespace tollgate
