// Records as lines: whole ones, in their order, in files of a bounded size.
#include "services/budget/ndjson_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "services/common/base/record_json.h"

namespace tollgate {
namespace {

class NdjsonFileTest : public testing::Test {
 protected:
  NdjsonFileTest() { std::filesystem::create_directory(directory_); }
  ~NdjsonFileTest() override { std::filesystem::remove_all(directory_); }

  static v1::ActivityRecord record(int number) {
    v1::ActivityRecord out;
    out.set_generation_id("gen-" + std::to_string(number));
    out.set_created_ms(1'764'000'000'250);
    out.set_cost_nano_usd(1'500'000);
    return out;
  }
  std::vector<std::string> ids(const std::string& path) {
    std::vector<std::string> out;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
      out.push_back(nlohmann::json::parse(line).at("generation_id"));
    return out;
  }

  const std::string directory_ =
      std::filesystem::temp_directory_path() / ("ndjson_file_test_" + std::to_string(::getpid()));
  const std::string path_ = directory_ + "/activity.ndjson";
};

TEST_F(NdjsonFileTest, OneLineForEachRecord) {
  {
    const auto file = NdjsonFile::open({.path = path_});
    ASSERT_TRUE(file.ok());
    for (int i = 0; i < 3; ++i)
      (*file)->put(record(i));
  }
  EXPECT_THAT(ids(path_), testing::ElementsAre("gen-0", "gen-1", "gen-2"));
  // What is there stays.
  {
    const auto file = NdjsonFile::open({.path = path_});
    (*file)->put(record(3));
  }
  EXPECT_THAT(ids(path_), testing::SizeIs(4));
}

TEST_F(NdjsonFileTest, FilesAreRenamedAndTheOldestGo) {
  const std::uint64_t three_lines = 3 * (record_line(record(0)).size() + 1);
  {
    const auto file = NdjsonFile::open({.path = path_, .bytes = three_lines, .kept = 2});
    for (int i = 0; i < 10; ++i)
      (*file)->put(record(i));
  }
  EXPECT_THAT(ids(path_), testing::ElementsAre("gen-9"));
  EXPECT_THAT(ids(path_ + ".1"), testing::ElementsAre("gen-6", "gen-7", "gen-8"));
  EXPECT_THAT(ids(path_ + ".2"), testing::ElementsAre("gen-3", "gen-4", "gen-5"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
}

TEST_F(NdjsonFileTest, SaysWhatCannotBeWritten) {
  const auto file = NdjsonFile::open({.path = directory_ + "/none/file"});
  EXPECT_THAT(std::string(file.status().message()), testing::HasSubstr("activity.file.path"));
  EXPECT_EQ(*make_outlet({}), nullptr);
}

TEST(RecordLineTest, HasTheNamesOfTheApi) {
  v1::ActivityRecord record;
  record.set_created_ms(1'764'000'000'250);
  record.set_cost_nano_usd(1'500'000);
  record.set_usage_source(v1::USAGE_SOURCE_LEASE_EXPIRED);
  record.set_user_agent("\xff\n");
  record.add_attempts()->set_kind("ok");
  const nlohmann::json json = nlohmann::json::parse(record_line(record));
  EXPECT_EQ(json.at("created_at"), "2025-11-24T16:00:00.250Z");
  EXPECT_EQ(json.at("cost"), 0.0015);
  EXPECT_EQ(json.at("usage_source"), "lease_expired");
  EXPECT_EQ(json.at("attempts")[0].at("kind"), "ok");
  EXPECT_TRUE(json.at("first_token_ms").is_null());
  EXPECT_TRUE(json.at("output_tokens_per_second").is_null());
  EXPECT_EQ(record_line(record).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tollgate
