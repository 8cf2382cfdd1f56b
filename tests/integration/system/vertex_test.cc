// Claude on Vertex AI through the whole: a client that knows nothing of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/system/suite.h"
#include "tests/support/google/test_key.h"
#include "tests/support/process/temporary_directory.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class VertexSystemTest : public ::testing::TestWithParam<Form> {};

INSTANTIATE_TEST_SUITE_P(, VertexSystemTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

TEST_P(VertexSystemTest, ServesAndOutlivesItsTokens) {
  TemporaryDirectory directory;
  Simulator google({"--vertex-key", directory.write("public.pem", test::kRsaPublicKey)});
  const json account = {{"type", "service_account"},
                        {"private_key_id", "key-1"},
                        {"private_key", test::kRsaKey},
                        {"client_email", "gateway@test-project.iam.gserviceaccount.com"},
                        {"token_uri", google.url() + "/token"}};
  const json upstream = {{"dialect", "vertex"},
                         {"url", google.url()},
                         {"api_key", nullptr},
                         {"project", "test-project"},
                         {"region", "global"},
                         {"credentials_file", directory.write("account.json", account.dump())},
                         {"features", {{"betas", {{"drop", {"not-here-*"}}}}}}};
  Suite suite(GetParam(), 1, {{"upstreams", {{"u0", upstream}}}, {"threads", 1}});
  const std::string key = suite.create_key("ci");
  for (bool stream : {true, false, true}) {
    // Whatever was issued before is worth nothing any more.
    google.vertex({{"revoke", true}});
    HttpRequest request = suite.request(key, stream);
    request.headers.emplace_back("anthropic-beta", "not-here-1,here-2");
    HttpExchange exchange(suite.port(), request);
    EXPECT_EQ(exchange.status(), 200u) << exchange.body();
    EXPECT_THAT(exchange.body(), HasSubstr(stream ? "event: message_stop" : "\"type\":\"message\""));
  }
  std::size_t served = 0;
  for (const auto& entry : google.requests()) {
    const std::string target = entry.at("target").get<std::string>();
    if (target == "/token")
      continue;
    EXPECT_THAT(target, HasSubstr("/projects/test-project/locations/global/publishers/anthropic/models/served-by-u0:"));
    EXPECT_THAT(entry.at("body").get<std::string>(),
                HasSubstr(R"({"anthropic_version":"vertex-2023-10-16","max_tokens":)"));
    EXPECT_THAT(entry.at("headers").dump(), HasSubstr(R"("here-2")"));
    ++served;
  }
  // The second and the third were refused once.
  EXPECT_EQ(served, 5u);
  const auto totals = google.billed().at("totals");
  const double usd = (totals.at("input_tokens").get<double>() + 2 * totals.at("output_tokens").get<double>()) / 1e6;
  EXPECT_GT(usd, 0);
  EXPECT_TRUE(wait_until([&] {
    const json shown = suite.key("ci");
    return std::abs(shown.at("usage").get<double>() - usd) < 1e-9 && shown.at("held") == 0;
  })) << suite.key("ci");
}

}  // namespace
}  // namespace tollgate::testing
