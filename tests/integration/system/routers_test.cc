// Several routers before the same providers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;

constexpr const char* kOrder = R"("provider":{"sort":"price"},)";

// The providers that were tried.
std::vector<std::string> tried(std::uint16_t port, HttpRequest request) {
  request.headers.emplace_back("x-openrouter-metadata", "enabled");
  HttpExchange exchange(port, request);
  EXPECT_EQ(exchange.status(), 200u) << exchange.body();
  std::vector<std::string> providers;
  const json attempts = json::parse(exchange.header("x-tollgate-attempts"), nullptr, false);
  for (const json& attempt : attempts)
    providers.push_back(attempt.at("provider"));
  return providers;
}

TEST(Routers, TheSecondDoesNotLearnByFailing) {
  Suite suite(Form::kFiveProcesses, 2);
  const std::string key = suite.create_key("ci");
  const auto [second, router] = suite.add_router();
  setenv("TOLLGATE_API_KEY", key.c_str(), 1);
  const std::vector<std::string> fails = {"u0", "u1"};
  const std::vector<std::string> avoids = {"u1"};
  const HttpRequest request = suite.request(key, false, "", kOrder);
  ASSERT_EQ(tried(second, request), (std::vector<std::string>{"u0"}));
  suite.simulator(0).process().signal(SIGKILL);
  // The first finds out.
  ASSERT_TRUE(wait_until([&] { return tried(suite.port(), request) == avoids; }));
  // The second is told: its own requests have never failed there.
  const auto knows = [&suite, router = router] {
    const json explained =
        json::parse(suite.tollgate({"route", "explain", "--model", "test/model", "--server", router, "--json"}));
    return explained.dump().find("\"outage\":true") != std::string::npos;
  };
  ASSERT_TRUE(wait_until(knows));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(tried(second, request), avoids);
  // With Redis away both go on by what they see themselves; nobody is served then, and nothing ends.
  suite.redis().kill();
  HttpExchange refused(second, request);
  EXPECT_EQ(refused.status(), 503u);
  suite.redis().start();
  EXPECT_TRUE(wait_until([&] { return HttpExchange(second, request).status() == 200; }));
}

}  // namespace
}  // namespace tollgate::testing
