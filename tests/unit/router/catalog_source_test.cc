#include "services/router/catalog_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/process/temporary_directory.h"
#include "tests/support/process/wait.h"

namespace tollgate::router {
namespace {

using tollgate::testing::TemporaryDirectory;

std::string catalog(const std::string& id, int price = 1) {
  return fmt::format(
      R"({{"models":[{{"id":"{}","endpoints":[{{"provider":"p","upstream":"u","model":"m","context_tokens":10,
          "max_output_tokens":5,"price_usd":{{"input":{},"output":2,"cache_read":1,"cache_write_5m":1,
          "cache_write_1h":1}}}}]}}]}})",
      id, price);
}

class CatalogSourceTest : public ::testing::Test {
 protected:
  void open(const std::string& file) {
    Config config;
    config.catalog_file = file;
    config.upstreams.emplace("u", UpstreamConfig());
    auto opened = CatalogSource::open(config);
    ASSERT_TRUE(opened.ok()) << opened.status();
    source_ = *std::move(opened);
  }
  bool serves(const std::string& id) const { return source_->models().get()->find(id) != nullptr; }
  // As the watching thread does; a change counts once it is seen twice.
  int looks(int count = 4) {
    int replaced = 0;
    for (int i = 0; i < count; ++i)
      replaced += source_->look() ? 1 : 0;
    return replaced;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<CatalogSource> source_;
};

TEST_F(CatalogSourceTest, AChangedFileReplacesTheTableOnce) {
  open(directory_.write("c.json", catalog("a/one")));
  EXPECT_EQ(looks(), 0);
  directory_.write("c.json", catalog("a/second"));
  EXPECT_FALSE(source_->look()) << "it may be half written";
  EXPECT_TRUE(source_->look());
  EXPECT_EQ(looks(), 0);
  EXPECT_TRUE(serves("a/second"));
  EXPECT_FALSE(serves("a/one"));
}

TEST_F(CatalogSourceTest, WhoHasTheOldTableKeepsIt) {
  open(directory_.write("c.json", catalog("a/one", 1)));
  const LiveModels handle = source_->models();
  const std::shared_ptr<const ModelTable> old = handle.get();
  const v1::Model* model = old->find("a/one");
  directory_.write("c.json", catalog("a/one", 17));
  EXPECT_EQ(looks(), 1);
  EXPECT_EQ(model->endpoints(0).price().input(), 1'000'000);
  EXPECT_EQ(handle.get()->find("a/one")->endpoints(0).price().input(), 17'000'000) << "a copy sees what is new";
}

TEST_F(CatalogSourceTest, ABadFileIsRefusedAndTheOldOneStays) {
  open(directory_.write("c.json", catalog("a/one")));
  const std::string bad[] = {"{", "", R"({"models":[]})", R"({"models":[{"id":"a/two"}]})",
                             catalog("a/two").substr(0, 40)};
  for (const std::string& text : bad) {
    directory_.write("c.json", text);
    EXPECT_EQ(looks(), 0) << text;
    EXPECT_TRUE(serves("a/one")) << text;
  }
  directory_.write("c.json", catalog("a/mended"));
  EXPECT_EQ(looks(), 1);
  EXPECT_TRUE(serves("a/mended"));
}

TEST_F(CatalogSourceTest, AFileThatIsGoneIsWaitedFor) {
  const std::string path = directory_.write("c.json", catalog("a/one"));
  open(path);
  std::filesystem::remove(path);
  EXPECT_EQ(looks(), 0);
  EXPECT_TRUE(serves("a/one"));
  directory_.write("c.json", catalog("a/back"));
  EXPECT_EQ(looks(), 1);
  EXPECT_TRUE(serves("a/back"));
}

// As Kubernetes changes what a ConfigMap mounts: the folder behind a symbolic link is another one.
TEST_F(CatalogSourceTest, SeesThroughSymbolicLinks) {
  const auto& root = directory_.path();
  for (const char* version : {"v1", "v2"}) {
    std::filesystem::create_directory(root / version);
    directory_.write(fmt::format("{}/c.json", version), catalog(fmt::format("a/{}", version)));
  }
  std::filesystem::create_directory_symlink("v1", root / "data");
  open((root / "data" / "c.json").string());
  EXPECT_TRUE(serves("a/v1"));
  std::filesystem::create_directory_symlink("v2", root / "next");
  std::filesystem::rename(root / "next", root / "data");
  EXPECT_EQ(looks(), 1);
  EXPECT_TRUE(serves("a/v2"));
}

TEST_F(CatalogSourceTest, LooksByItself) {
  open(directory_.write("c.json", catalog("a/one")));
  source_->start(std::chrono::milliseconds(1));
  directory_.write("c.json", catalog("a/two"));
  EXPECT_TRUE(tollgate::testing::wait_until([&] { return serves("a/two"); }));
  source_.reset();
}

TEST_F(CatalogSourceTest, TheBuiltInOneDoesNotChange) {
  Config config;
  config.upstreams.emplace("anthropic", UpstreamConfig());
  auto opened = CatalogSource::open(config);
  ASSERT_TRUE(opened.ok());
  (*opened)->start(std::chrono::milliseconds(1));
  EXPECT_FALSE((*opened)->look());
  EXPECT_NE((*opened)->models().get()->find("claude-opus-5"), nullptr);
}

}  // namespace
}  // namespace tollgate::router
