#include "services/common/base/log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace tollgate {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out_));
    logger->set_pattern("%v");
    spdlog::set_default_logger(logger);
  }
  nlohmann::json line() const { return nlohmann::json::parse(out_.str()); }

  std::ostringstream out_;
};

TEST_F(LogTest, ALineIsOneJsonObjectWhateverIsInIt) {
  Log(spdlog::level::warn, "event_name")
      .with("text", "quote \" backslash \\ line\nend \x01")
      .with("bytes", "\xff\xfe")
      .with("number", std::uint64_t{18446744073709551615u})
      .with("negative", -3)
      .with("ms", 0.007);
  EXPECT_EQ(out_.str().find('\n'), out_.str().size() - 1);
  EXPECT_EQ(line()["level"], "warning");
  EXPECT_EQ(line()["event"], "event_name");
  EXPECT_EQ(line()["text"], "quote \" backslash \\ line\nend \x01");
  EXPECT_EQ(line()["bytes"], "\u00ff\u00fe");
  EXPECT_EQ(line()["number"], 18446744073709551615u);
  EXPECT_EQ(line()["negative"], -3);
  EXPECT_DOUBLE_EQ(line()["ms"], 0.007);
  EXPECT_EQ(line()["time"].get<std::string>().size(), std::string("2026-11-24T00:00:00.000Z").size());
}

TEST_F(LogTest, ALevelThatIsOffWritesNothing) {
  spdlog::default_logger()->set_level(spdlog::level::err);
  Log(spdlog::level::warn, "event_name").with("text", "x");
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace tollgate
