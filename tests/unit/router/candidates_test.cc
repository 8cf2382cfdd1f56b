#include "services/router/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tollgate::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string endpoint(const std::string& provider, int price) {
  const std::string p = std::to_string(price);
  return R"({"provider":")" + provider + R"(","upstream":"u","model":"m","context_tokens":1,"max_output_tokens":1,
    "price_usd":{"input":)" +
         p + R"(,"output":)" + p + R"(,"cache_read":1,"cache_write_5m":1,"cache_write_1h":1}})";
}

class CandidatesTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = std::filesystem::temp_directory_path() / ("candidates_" + std::to_string(::getpid()) + ".json");
    std::ofstream(path) << R"({"models":[{"id":"a/m","endpoints":[)" << endpoint("anthropic", 3) << ","
                        << endpoint("google-vertex/us-east5", 2) << "," << endpoint("google-vertex/eu", 1)
                        << R"(]},{"id":"b/n","endpoints":[)" << endpoint("other", 9) << "]}]}";
    table_ = *ModelTable::load(path.string(), {"u"});
    std::filesystem::remove(path);
  }

  std::vector<std::string> order(const RequestScan& scan) const {
    std::vector<std::string> out;
    const auto candidates = candidates_of(scan, *table_);
    if (!candidates.ok())
      return {std::string(candidates.status().message())};
    for (const Candidate& candidate : *candidates)
      out.push_back(candidate.endpoint->provider());
    return out;
  }

  static RequestScan asks(const std::string& model) {
    RequestScan scan;
    scan.model = model;
    return scan;
  }

  std::shared_ptr<const ModelTable> table_;
};

TEST_F(CandidatesTest, KeepTheCatalogsOrder) {
  EXPECT_THAT(order(asks("a/m")), ElementsAre("anthropic", "google-vertex/us-east5", "google-vertex/eu"));
}

TEST_F(CandidatesTest, FloorIsCheapestFirst) {
  EXPECT_THAT(order(asks("a/m:floor")), ElementsAre("google-vertex/eu", "google-vertex/us-east5", "anthropic"));
  EXPECT_THAT(order(asks("a/m:nitro")), ElementsAre("anthropic", "google-vertex/us-east5", "google-vertex/eu"));
}

TEST_F(CandidatesTest, PreferencesFilterAndOrder) {
  RequestScan scan = asks("a/m");
  scan.provider.order = {"google-vertex/eu", "google-vertex"};
  EXPECT_THAT(order(scan), ElementsAre("google-vertex/eu", "google-vertex/us-east5", "anthropic"));
  scan.provider.ignore = {"google-vertex"};
  EXPECT_THAT(order(scan), ElementsAre("anthropic"));
  scan.provider.ignore = {"google"};
  EXPECT_EQ(order(scan).size(), 3u);
  scan.provider.only = {"google-vertex/us-east5"};
  EXPECT_THAT(order(scan), ElementsAre("google-vertex/us-east5"));
}

TEST_F(CandidatesTest, WithoutFallbacksThereIsOne) {
  RequestScan scan = asks("a/m");
  scan.models = {"b/n"};
  EXPECT_EQ(order(scan).size(), 4u);
  scan.provider.allow_fallbacks = false;
  EXPECT_THAT(order(scan), ElementsAre("anthropic"));
}

TEST_F(CandidatesTest, SaysWhyNobodyIsLeft) {
  RequestScan scan = asks("a/m");
  scan.provider.ignore = {"anthropic", "google-vertex"};
  EXPECT_THAT(order(scan), ElementsAre(HasSubstr("provider.only and provider.ignore exclude all 3")));
  EXPECT_THAT(order(asks("c/x")), ElementsAre(HasSubstr("c/x is not in the catalog")));
  scan = asks("a/m");
  scan.models = {"nope"};
  EXPECT_THAT(order(scan), ElementsAre(HasSubstr("nope is not in the catalog")));
}

struct PermissionCase {
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::vector<std::string> left;
};

TEST_F(CandidatesTest, PermissionsFilter) {
  const std::string all[] = {"anthropic", "google-vertex/us-east5", "google-vertex/eu", "other"};
  const PermissionCase cases[] = {
      {{}, {}, {all[0], all[1], all[2], all[3]}},
      {{"*"}, {}, {all[0], all[1], all[2], all[3]}},
      {{"a/*"}, {}, {all[0], all[1], all[2]}},
      {{"a/m"}, {}, {all[0], all[1], all[2]}},
      {{"a"}, {}, {}},
      {{"a/"}, {}, {}},
      {{"A/M"}, {}, {}},
      {{"a/m*"}, {}, {all[0], all[1], all[2]}},
      {{"a/mm*"}, {}, {}},
      {{"b/n", "a/x"}, {}, {all[3]}},
      {{}, {"google-vertex"}, {all[1], all[2]}},
      {{}, {"google-vertex/eu", "other"}, {all[2], all[3]}},
      {{}, {"google"}, {}},
      {{"a/*"}, {"other"}, {}},
      {{"b/*", "a/*"}, {"other", "anthropic"}, {all[0], all[3]}},
  };
  RequestScan scan = asks("a/m");
  scan.models = {"b/n"};
  for (const PermissionCase& each : cases) {
    v1::Permissions permissions;
    for (const std::string& model : each.models)
      permissions.add_models(model);
    for (const std::string& provider : each.providers)
      permissions.add_providers(provider);
    std::vector<Candidate> candidates = *candidates_of(scan, *table_);
    keep_permitted(permissions, candidates);
    std::vector<std::string> left;
    for (const Candidate& candidate : candidates)
      left.push_back(candidate.endpoint->provider());
    EXPECT_EQ(left, each.left) << permissions.ShortDebugString();
  }
}

}  // namespace
}  // namespace tollgate::router
