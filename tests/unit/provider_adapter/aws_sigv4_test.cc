#include "services/provider_adapter/aws/sigv4.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "services/common/base/digest.h"

namespace tollgate::aws {
namespace {

using std::chrono::system_clock;

const Credentials kExample{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};

nlohmann::json suite() {
  std::ifstream file(std::string(TOLLGATE_SOURCE) + "/tests/unit/provider_adapter/data/sigv4_suite.json");
  return nlohmann::json::parse(file);
}

system_clock::time_point at(std::time_t seconds) {
  return system_clock::from_time_t(seconds);
}
// 2015-08-30T12:36:00Z
const system_clock::time_point kSuiteTime = at(1440938160);
// 2026-01-02T03:04:05Z
const system_clock::time_point kVectorTime = at(1767323045);

TEST(SigV4, WritesDatesInUtc) {
  EXPECT_EQ(amz_date(kSuiteTime), "20150830T123600Z");
  EXPECT_EQ(amz_date(kVectorTime), "20260102T030405Z");
}

// Step by step, so that a failure says where it begins.
TEST(SigV4, AgreesWithThePublishedSuite) {
  const nlohmann::json cases = suite()["cases"];
  ASSERT_EQ(cases.size(), 31u);
  const Scope scope{"us-east-1", "service"};
  for (const nlohmann::json& item : cases) {
    SCOPED_TRACE(item["name"].get<std::string>());
    const std::string method = item["method"];
    const std::string target = item["target"];
    const std::string body = item["body"];
    const std::string token = item["token"];
    const bool omits_token = item["omit_token"];
    const std::size_t question = std::min(target.find('?'), target.size());
    Signable request;
    request.method = method;
    request.path = std::string_view(target).substr(0, question);
    request.query = std::string_view(target).substr(std::min(target.size(), question + 1));
    for (const auto& header : item["headers"])
      request.headers.emplace_back(header[0], header[1]);
    request.payload_sha256 = sha256_hex(body);
    if (item["sign_body"].get<bool>())
      request.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);

    Credentials credentials = kExample;
    if (!omits_token)
      credentials.session_token = token;
    Signable dated = request;
    dated.headers.emplace_back("x-amz-date", amz_date(kSuiteTime));
    if (!credentials.session_token.empty())
      dated.headers.emplace_back("x-amz-security-token", credentials.session_token);
    EXPECT_EQ(canonical_request(dated), item["canonical"]);
    EXPECT_EQ(string_to_sign(canonical_request(dated), scope, amz_date(kSuiteTime)), item["string_to_sign"]);
    const Signature signature = sign(request, credentials, scope, kSuiteTime);
    EXPECT_TRUE(signature.authorization.ends_with("Signature=" + item["signature"].get<std::string>()))
        << signature.authorization;
  }
}

class BedrockPath : public testing::TestWithParam<std::pair<const char*, const char*>> {};

// Two independent implementations agree on these: a path is encoded once more than on the wire.
TEST_P(BedrockPath, IsEncodedOnceMore) {
  const auto [path, expected] = GetParam();
  const std::string body =
      R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":16,"messages":[{"role":"user","content":"hi"}]})";
  Signable request;
  request.method = "POST";
  request.path = path;
  request.payload_sha256 = sha256_hex(body);
  request.headers = {{"Content-Type", "application/json"},
                     {"Host", "bedrock-runtime.us-east-1.amazonaws.com"},
                     {"X-Amz-Content-Sha256", request.payload_sha256}};
  Credentials credentials = kExample;
  credentials.session_token = "TESTTOKEN";
  const Signature signature = sign(request, credentials, {"us-east-1", "bedrock"}, kVectorTime);
  EXPECT_EQ(signature.authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=" +
                std::string(expected));
  EXPECT_EQ(signature.amz_date, "20260102T030405Z");
  EXPECT_EQ(signature.security_token, "TESTTOKEN");
}

INSTANTIATE_TEST_SUITE_P(
    SigV4, BedrockPath,
    testing::Values(std::pair("/model/anthropic.claude-3-5-sonnet-20241022-v2:0/invoke",
                              "8a8f8fc1406896836cc4d29419d6f65d5e59a47f117c5026fd2a098f5d1becff"),
                    std::pair("/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/invoke",
                              "dbde6d883bb1cdbd96dbd9f3e89993efebe96d49c6bc53d5617731fab6d1026a"),
                    std::pair("/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123/"
                              "invoke-with-response-stream",
                              "ed27d46780158e9980b2dd2e353534dafab3b4dd4ffb96f764544ebab006a05d")));

TEST(SigV4, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a/b:c %"), "a%2Fb%3Ac%20%25");
  EXPECT_EQ(percent_encoded("a/b:c", ":"), "a%2Fb:c");
  EXPECT_EQ(percent_encoded("\xc3\xa9\xff"), "%C3%A9%FF");
}

}  // namespace
}  // namespace tollgate::aws
