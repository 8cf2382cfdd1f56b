// Which beta flags and versions reach an upstream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/betas.h"

namespace tollgate::anthropic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::hours kHour(1);

ClientHeaders headers(const std::vector<std::pair<std::string, std::string>>& list) {
  ClientHeaders made;
  for (const auto& [name, value] : list) {
    v1::Header& header = *made.Add();
    header.set_name(name);
    header.set_value(value);
  }
  return made;
}

std::string text(const ClientHeaders& list) {
  std::string out;
  for (const v1::Header& header : list)
    out.append(fmt::format("{}: {}\n", header.name(), header.value()));
  return out;
}

// The headers that go out, or the message of the refusal.
std::string fitted(const v1::Features& features, const std::vector<std::pair<std::string, std::string>>& list) {
  ClientHeaders made = headers(list);
  const absl::Status status = fit_headers(features, "up", made);
  return status.ok() ? text(made) : std::string(status.message());
}

v1::Features rules(const std::vector<std::string>& drop, const std::vector<std::string>& refuse = {},
                   const std::vector<std::string>& only = {}) {
  v1::Features features;
  features.mutable_betas()->mutable_drop()->Assign(drop.begin(), drop.end());
  features.mutable_betas()->mutable_refuse()->Assign(refuse.begin(), refuse.end());
  features.mutable_betas()->mutable_only()->Assign(only.begin(), only.end());
  return features;
}

TEST(Betas, FlagsOfSeveralLinesAndLists) {
  EXPECT_THAT(beta_flags(headers({{"anthropic-beta", "a, b ,,\tc"}, {"x", "d"}, {"Anthropic-Beta", "e,"}})),
              ElementsAre("a", "b", "c", "e"));
  EXPECT_THAT(beta_flags({}), IsEmpty());
}

TEST(Betas, DroppedOnesGoAndOtherLinesStayAsTheyAre) {
  EXPECT_EQ(fitted(rules({"b"}), {{"x", "1"}, {"anthropic-beta", "a, b,c"}, {"Anthropic-Beta", "d ,  e"}, {"y", "2"}}),
            "x: 1\nanthropic-beta: a,c\nAnthropic-Beta: d ,  e\ny: 2\n");
  EXPECT_EQ(fitted(rules({"a", "b"}), {{"anthropic-beta", "a,b"}, {"anthropic-beta", "b"}}), "");
  EXPECT_EQ(fitted(rules({"files-api-*"}), {{"anthropic-beta", "files-api-2025-04-14,files,skills"}}),
            "anthropic-beta: files,skills\n");
  EXPECT_EQ(fitted(rules({"*"}), {{"anthropic-beta", "a,b"}, {"anthropic-version", "v"}}), "anthropic-version: v\n");
}

TEST(Betas, RenamedOnes) {
  v1::Features features = rules({}, {}, {"new", "z*"});
  (*features.mutable_betas()->mutable_rename())["old"] = "new";
  EXPECT_EQ(fitted(features, {{"anthropic-beta", "old,x,zap"}}), "anthropic-beta: new,zap\n");
  // Once is enough.
  EXPECT_EQ(fitted(features, {{"anthropic-beta", "new,old"}, {"anthropic-beta", "old"}}), "anthropic-beta: new\n");
}

TEST(Betas, RefusedOnesAreNamedAndMoveOn) {
  ClientHeaders made = headers({{"anthropic-beta", "a"}, {"anthropic-beta", "b,fast-mode-2026-02-01"}});
  const absl::Status status = fit_headers(rules({"*"}, {"fast-mode-*"}), "up", made);
  ASSERT_FALSE(status.ok());
  const v1::Failure failure = failure_of(status);
  EXPECT_EQ(failure.kind(), v1::Failure::KIND_UNSUPPORTED);
  EXPECT_EQ(failure.http_status(), 400u);
  EXPECT_EQ(failure.upstream(), "up");
  EXPECT_THAT(failure.message(), HasSubstr("fast-mode-2026-02-01"));
}

TEST(Versions, AreReplacedOnlyWhereTheyAreNotKnown) {
  v1::Features features;
  features.add_anthropic_versions("2023-06-01");
  EXPECT_EQ(fitted(features, {{"anthropic-version", "2026-10-21"}}), "anthropic-version: 2023-06-01\n");
  EXPECT_EQ(fitted(features, {}), "");
  features.add_anthropic_versions("2026-10-21");
  EXPECT_EQ(fitted(features, {{"Anthropic-Version", "2026-10-21"}}), "Anthropic-Version: 2026-10-21\n");
  v1::Features newest;
  newest.add_anthropic_versions("2026-10-21");
  EXPECT_EQ(fitted(newest, {}), "anthropic-version: 2026-10-21\n");
  EXPECT_EQ(fitted({}, {{"anthropic-version", "2099-01-01"}, {"anthropic-beta", "x , y"}}),
            "anthropic-version: 2099-01-01\nanthropic-beta: x , y\n");
}

TEST(Refusals, NameTheirFlags) {
  const Flags sent = {"context-1m", "context-1m-2025-08-07", "skills-2025-10-02"};
  const auto of = [&sent](std::string_view message) { return refused_flags(message, sent); };
  EXPECT_THAT(of("Unexpected value(s) `context-1m-2025-08-07` for the `anthropic-beta` header. Please consult our "
                 "documentation at docs.anthropic.com or try again without the header."),
              ElementsAre("context-1m-2025-08-07"));
  EXPECT_THAT(of("Unexpected value(s) `skills-2025-10-02`, `context-1m` for the `anthropic-beta` header."),
              ElementsAre("context-1m", "skills-2025-10-02"));
  EXPECT_THAT(of("invalid beta flag: skills-2025-10-02"), ElementsAre("skills-2025-10-02"));
  // Which one, it does not say.
  EXPECT_EQ(of("invalid beta flag"), sent);
  EXPECT_THAT(refused_flags("invalid beta flag", {}), IsEmpty());
  EXPECT_THAT(of("Unexpected value(s) `other` for the `anthropic-beta` header."), IsEmpty());
  EXPECT_THAT(of("messages: skills-2025-10-02 is a nice flag"), IsEmpty());
  EXPECT_THAT(of(""), IsEmpty());
}

TEST(Refusals, AreRememberedForAnHourAndOneModel) {
  RefusedFlags refused;
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(refused.empty());
  refused.add("opus", {"a", "b"}, {"a"}, begin);
  EXPECT_THAT(refused.among("opus", {"b", "a"}, begin), ElementsAre("a"));
  EXPECT_THAT(refused.among("opus", {"b"}, begin), IsEmpty());
  EXPECT_THAT(refused.among("haiku", {"a"}, begin), IsEmpty());
  EXPECT_THAT(refused.among("opus", {"a"}, begin + kHour - std::chrono::seconds(1)), ElementsAre("a"));
  EXPECT_THAT(refused.among("opus", {"a"}, begin + kHour), IsEmpty());
}

TEST(Refusals, OfSeveralTogetherCountForJustThese) {
  RefusedFlags refused;
  const auto now = SteadyClock::now();
  refused.add("opus", {"a", "b"}, {"a", "b"}, now);
  EXPECT_THAT(refused.among("opus", {"a", "b"}, now), ElementsAre("a", "b"));
  EXPECT_THAT(refused.among("opus", {"a"}, now), IsEmpty());
  EXPECT_THAT(refused.among("opus", {"a", "b", "c"}, now), IsEmpty());
}

TEST(Refusals, StayFew) {
  RefusedFlags refused;
  const auto now = SteadyClock::now();
  for (int i = 0; i < 10000; ++i)
    refused.add(fmt::format("m{}", i), {"a"}, {"a"}, now);
  for (int i = 0; i < 10000; ++i)
    refused.add("one", {"x"}, {fmt::format("f{}", i)}, now);
  EXPECT_THAT(refused.among("one", {"f9999", "f1"}, now), ElementsAre("f9999"));
}

}  // namespace
}  // namespace tollgate::anthropic
