#include "gateway/access_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tollgate {
namespace {

TEST(AccessLog, IsJsonWhateverTheValues) {
  AccessRecord record;
  record.method = "POST";
  record.path = "/v1/\"\\\x01\xff";
  record.status = 200;
  record.bytes = 12;
  record.generation_id = "gen-1\r\n";
  const auto json = nlohmann::json::parse(access_line(record, std::chrono::microseconds(1234567)));
  EXPECT_EQ(json["event"], "request");
  EXPECT_EQ(json["method"], "POST");
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["bytes"], 12);
  EXPECT_DOUBLE_EQ(json["ms"], 1234.567);
  EXPECT_EQ(json["generation_id"], "gen-1\r\n");
  EXPECT_EQ(json["end"], "complete");
}

TEST(AccessLog, SmallTimesKeepTheirZeros) {
  const auto json = nlohmann::json::parse(access_line(AccessRecord(), std::chrono::microseconds(7)));
  EXPECT_DOUBLE_EQ(json["ms"], 0.007);
}

}  // namespace
}  // namespace tollgate
