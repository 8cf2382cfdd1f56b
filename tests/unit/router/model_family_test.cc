#include "services/router/model_family.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

std::shared_ptr<const ModelTable> table(const std::set<std::string>& upstreams = {"anthropic", "bedrock",
                                                                                  "openrouter"}) {
  auto table = ModelTable::load("", upstreams);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

TEST(ModelFamily, TakesTheNewestThatIsNotNewer) {
  const auto models = table();
  const std::pair<const char*, const char*> cases[] = {
      {"claude-opus-6", "anthropic/claude-opus-5.5"},
      {"claude-opus-6-20270101", "anthropic/claude-opus-5.5"},
      {"claude-opus-5-7", "anthropic/claude-opus-5.5"},
      {"claude-opus-latest", "anthropic/claude-opus-5.5"},
      {"anthropic/claude-opus-6", "anthropic/claude-opus-5.5"},
      {"anthropic/claude-opus-6.1", "anthropic/claude-opus-5.5"},
      {"claude-sonnet-10", "anthropic/claude-sonnet-5.5"},
      {"claude-haiku-6-preview", "anthropic/claude-haiku-5.5"},
      {"claude-fable-5-3", "anthropic/claude-fable-5.2"},
      // A snapshot that the catalog does not have costs what its model does, not what the newest does.
      {"claude-opus-4-1-20260101", "anthropic/claude-opus-4.1"},
      {"claude-opus-4-20250601", "anthropic/claude-opus-4"},
      {"claude-sonnet-4-7", "anthropic/claude-sonnet-4.6"},
      // All are newer.
      {"claude-haiku-3-9", "anthropic/claude-haiku-4.5"},
  };
  for (const auto& [name, expected] : cases) {
    std::string like;
    const auto model = model_of_family(name, *models, &like);
    ASSERT_TRUE(model) << name;
    EXPECT_EQ(like, expected) << name;
    const std::string bare = name[0] == 'a' ? std::string(name).substr(10) : name;
    EXPECT_EQ(model->id(), fmt::format("anthropic/{}", bare)) << "permissions name models, not what they are taken for";
    ASSERT_EQ(model->endpoints_size(), 1) << "what is called otherwise there cannot be asked for by this name";
    EXPECT_EQ(model->endpoints(0).upstream(), "anthropic");
    EXPECT_EQ(model->endpoints(0).upstream_model(), bare);
    EXPECT_EQ(model->endpoints(0).price().output(), models->find(expected)->endpoints(0).price().output());
  }
}

TEST(ModelFamily, OtherNamesAreUnknown) {
  const auto models = table();
  std::string like;
  for (const char* name :
       {"claude-3-opus-20240229", "claude-3-5-haiku-20241022", "claude-2.1", "claude-instant-1.2", "claude-", "claude",
        "claude-opusx-6", "claude-Opus-6", "claude-opus-6\n", "claude-opus-6[1m]", "gpt-7", "openai/claude-opus-6",
        "xclaude-opus-6", "",
        "claude-opus-6-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_FALSE(model_of_family(name, *models, &like)) << name;
}

TEST(ModelFamily, NeedsAnEndpointThatCallsModelsAsAnthropicDoes) {
  std::string like;
  EXPECT_FALSE(model_of_family("claude-opus-6", *table({"bedrock", "openrouter"}), &like));
  const auto on_vertex = model_of_family("claude-opus-6", *table({"vertex"}), &like);
  ASSERT_TRUE(on_vertex);
  EXPECT_EQ(on_vertex->endpoints(0).provider(), "google-vertex/global");
}

}  // namespace
}  // namespace tollgate::router
