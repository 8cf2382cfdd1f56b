// Requests while the catalog changes, and requests for what it does not have.
#include "tests/unit/router/router_testing.h"

namespace tollgate::router {
namespace {

// One model at "x"; prices in USD per million tokens of input and of output.
std::string catalog(const std::string& id, const std::string& upstream_model, int input, int output) {
  return fmt::format(
      R"({{"models":[{{"id":"{}","aliases":["m"],"endpoints":[{{"provider":"x","upstream":"ux","model":"{}",
          "context_tokens":10000,"max_output_tokens":1000,"price_usd":{{"input":{},"output":{},"cache_read":1,
          "cache_write_5m":1,"cache_write_1h":1}}}}]}}]}})",
      id, upstream_model, input, output);
}

std::shared_ptr<const ModelTable> table_from(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("live_{}.json", ::getpid());
  std::ofstream(path) << text;
  auto table = ModelTable::load(path.string(), {"ux"});
  std::filesystem::remove(path);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

class LiveCatalogTest : public RouterTest {
 protected:
  void serve_by(const std::string& text) {
    live_ = std::make_unique<LiveModels>(table_from(text));
    router_ = std::make_unique<Router>(context_, *live_, ledger_, keys_, adapter_, health_, DrainOptions{},
                                       SelectionParts{.health = unseen_, .random = in_catalog_order});
  }
  static v1::CreateRequest asking(const std::string& model) {
    return request(fmt::format(R"({{"model":"{}","max_tokens":10}})", model));
  }
  void answers(int times = 1) {
    for (int i = 0; i < times; ++i)
      adapter_.script.push_back({.frames = {head(), committed(), data("ok", 5), counted(100, 10), done()}});
  }
  std::string header(const std::string& name) const {
    for (const v1::Frame& frame : client_.frames) {
      for (const v1::Header& each : frame.head().headers()) {
        if (each.name() == name)
          return each.value();
      }
    }
    return {};
  }

  std::unique_ptr<LiveModels> live_;
};

TEST_F(LiveCatalogTest, ARequestKeepsTheCatalogItBeganWith) {
  serve_by(catalog("a/m", "up", 1, 2));
  adapter_.script.push_back(
      {.frames = {head(), committed(), data("begun", 5)}, .hangs = true, .rest = {counted(100, 10), done()}});
  bool changed = false;
  during_ = [&] {
    if (changed || client_.bytes.empty())
      return;
    changed = true;
    // The model is gone, and so is the only other owner of the old table.
    live_->set(table_from(catalog("a/other", "other", 50, 60)));
    adapter_.open_gate();
  };
  EXPECT_TRUE(create(asking("a/m")).ok());
  ASSERT_TRUE(changed);
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].model(), "a/m");
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (100 * 1 + 10 * 2) * 1000);
  EXPECT_EQ(client_.frames.back().done().cost_nano_usd(), (100 * 1 + 10 * 2) * 1000);

  during_ = nullptr;
  answers();
  EXPECT_FALSE(create(asking("a/m")).ok());
  EXPECT_TRUE(create(asking("a/other")).ok());
  EXPECT_EQ(ledger_.settled.back().cost_nano_usd(), (100 * 50 + 10 * 60) * 1000);
}

TEST_F(LiveCatalogTest, APriceThatChangesHoldsFromTheNextRequestOn) {
  serve_by(catalog("a/m", "up", 1, 2));
  answers(2);
  EXPECT_TRUE(create(asking("a/m")).ok());
  live_->set(table_from(catalog("a/m", "up", 3, 4)));
  EXPECT_TRUE(create(asking("a/m")).ok());
  ASSERT_EQ(ledger_.settled.size(), 2u);
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), 120'000);
  EXPECT_EQ(ledger_.settled[1].cost_nano_usd(), 340'000);
}

TEST_F(LiveCatalogTest, ANewClaudeGoesByItsFamily) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  answers();
  EXPECT_TRUE(create(asking("claude-opus-6-20270101")).ok());
  ASSERT_EQ(adapter_.sent.size(), 1u);
  EXPECT_EQ(adapter_.sent[0].model(), "claude-opus-6-20270101");
  EXPECT_EQ(adapter_.sent[0].edits_size(), 0) << "the name goes as it came";
  EXPECT_THAT(header("x-tollgate-unknown-model"),
              HasSubstr("anthropic/claude-opus-6-20270101 is not in the catalog: priced as anthropic/claude-opus-5.5"));
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].model(), "anthropic/claude-opus-6-20270101");
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (100 * 4 + 10 * 20) * 1000);
}

TEST_F(LiveCatalogTest, AKnownModelHasNoSuchHeader) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  answers();
  EXPECT_TRUE(create(asking("m")).ok());
  EXPECT_EQ(header("x-tollgate-unknown-model"), "");
}

TEST_F(LiveCatalogTest, ASuffixOfAnUnknownModelIsTakenOff) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  answers();
  EXPECT_TRUE(create(asking("anthropic/claude-opus-6:nitro")).ok());
  EXPECT_EQ(adapter_.sent[0].model(), "claude-opus-6");
}

TEST_F(LiveCatalogTest, PermissionsAreOfTheModelThatWasAskedFor) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  ledger_.admits.mutable_permissions()->add_models("anthropic/claude-opus-5.5");
  EXPECT_EQ(failure_of(create(asking("claude-opus-6"))).kind(), Failure::KIND_PERMISSION_DENIED);
  ledger_.admits.mutable_permissions()->add_models("anthropic/*");
  answers();
  EXPECT_TRUE(create(asking("claude-opus-6")).ok());
}

// Its settlement may come when nothing else of the request is left.
TEST_F(LiveCatalogTest, AnUnknownModelIsSettledAfterItsClientLeft) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  adapter_.script.push_back({.frames = {head(), committed(), used(100, 1), data("begun", 5)}, .hangs = true});
  ledger_.settle_failures = 2;
  during_ = [&] {
    if (!client_.bytes.empty()) {
      live_->set(table_from(catalog("a/other", "other", 50, 60)));
      leave();
    }
  };
  EXPECT_FALSE(create(asking("claude-opus-6")).ok());
  finish();
  ASSERT_EQ(ledger_.settled.size(), 1u);
  EXPECT_EQ(ledger_.settled[0].model(), "anthropic/claude-opus-6");
  EXPECT_EQ(ledger_.settled[0].cost_nano_usd(), (100 * 4 + 5 * 20) * 1000);
}

TEST_F(LiveCatalogTest, OtherUnknownModelsStayUnknown) {
  serve_by(catalog("anthropic/claude-opus-5.5", "claude-opus-5-5", 4, 20));
  for (const char* name : {"claude-3-opus-20240229", "claude-sonnet-6", "gpt-7"})
    EXPECT_EQ(failure_of(create(asking(name))).kind(), Failure::KIND_NOT_FOUND) << name;
}

}  // namespace
}  // namespace tollgate::router
