// Google's credentials: what their files may hold, and how a service account signs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "services/provider_adapter/google/credentials.h"
#include "services/provider_adapter/google/jwt.h"
#include "services/provider_adapter/google/token_exchange.h"
#include "tests/support/google/test_key.h"

namespace tollgate::gcp {
namespace {

using nlohmann::json;
using test::kRsaKey;
using test::kRsaSignature;
using ::testing::HasSubstr;
using ::testing::Not;

json account() {
  return {{"type", "service_account"},
          {"project_id", "project"},
          {"private_key_id", "key-1"},
          {"private_key", kRsaKey},
          {"client_email", "gateway@project.iam.gserviceaccount.com"},
          {"token_uri", "https://oauth2.googleapis.com/token"}};
}

json federation() {
  return {{"type", "external_account"},
          {"audience", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"},
          {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
          {"credential_source", {{"file", "/run/token"}}}};
}

std::string problem(const json& object) {
  const auto parsed = parse_credentials(object.dump());
  return parsed.ok() ? "none" : std::string(parsed.status().message());
}

TEST(Base64Url, OfEveryLength) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xff\xef\xfe", "_-_-"}};
  for (const auto& [bytes, text] : cases)
    EXPECT_EQ(base64url(bytes), text);
}

TEST(Jwt, SignsAsOpenSslDoes) {
  const auto key = SigningKey::parse(kRsaKey);
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string header = R"({"alg":"RS256","kid":"key-1","typ":"JWT"})";
  const std::string claims =
      R"({"aud":"https://oauth2.googleapis.com/token","exp":1767326665,"iat":1767323065,)"
      R"("iss":"gateway@project.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform"})";
  EXPECT_EQ(key->sign(header, claims), base64url(header) + "." + base64url(claims) + "." + std::string(kRsaSignature));
}

TEST(Jwt, RefusesWhatIsNoRsaKey) {
  const std::string half(kRsaKey.substr(0, kRsaKey.size() / 2));
  for (const std::string& pem : {std::string(), std::string("secret"), half}) {
    const auto key = SigningKey::parse(pem);
    ASSERT_FALSE(key.ok());
    EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr("secret")));
  }
  // Of P-256.
  const auto other = SigningKey::parse(
      "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
      "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
      "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
      "-----END PRIVATE KEY-----\n");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("no RSA key"));
}

TEST(Credentials, ServiceAccount) {
  json object = account();
  object["quota_project_id"] = "payer";
  const auto parsed = parse_credentials(object.dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->quota_project, "payer");
  const auto& found = std::get<ServiceAccount>(parsed->identity);
  EXPECT_EQ(found.client_email, "gateway@project.iam.gserviceaccount.com");
  EXPECT_EQ(found.private_key_id, "key-1");
  EXPECT_EQ(found.token_uri, "https://oauth2.googleapis.com/token");
  object.erase("token_uri");
  EXPECT_EQ(std::get<ServiceAccount>(parse_credentials(object.dump())->identity).token_uri,
            "https://oauth2.googleapis.com/token");
}

TEST(Credentials, SayWhichMemberIsWrong) {
  for (const char* name : {"client_email", "private_key"}) {
    json object = account();
    object.erase(name);
    EXPECT_EQ(problem(object), std::string(name) + " is missing");
    object[name] = 1;
    EXPECT_EQ(problem(object), std::string(name) + " is not a string");
  }
  json object = account();
  object["token_uri"] = "file:///etc/passwd";
  EXPECT_EQ(problem(object), "token_uri is not a URL");
  object = account();
  object["private_key"] = "s3cret";
  EXPECT_EQ(problem(object), "private_key is no private key in PEM form");
  object["type"] = "impersonated_service_account";
  EXPECT_THAT(problem(object), HasSubstr("impersonated_service_account"));
  object.erase("type");
  EXPECT_EQ(problem(object), "type is missing");
  EXPECT_EQ(problem(json::array()), "it is not a JSON object");
  EXPECT_EQ(problem({{"type", "authorized_user"}, {"client_id", "i"}, {"client_secret", "s3cret"}}),
            "refresh_token is missing");
}

TEST(Credentials, Federation) {
  EXPECT_EQ(problem(federation()), "none");
  json object = federation();
  object["credential_source"] = {{"url", "http://127.0.0.1/token"},
                                 {"headers", {{"Metadata", "True"}}},
                                 {"format", {{"type", "json"}, {"subject_token_field_name", "access_token"}}}};
  object["service_account_impersonation_url"] = "https://iamcredentials.googleapis.com/v1/x:generateAccessToken";
  object["service_account_impersonation"] = {{"token_lifetime_seconds", 1200}};
  const auto parsed = parse_credentials(object.dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const auto& found = std::get<ExternalAccount>(parsed->identity);
  EXPECT_EQ(found.source_url, "http://127.0.0.1/token");
  EXPECT_EQ(found.source_headers.at("Metadata"), "True");
  EXPECT_EQ(found.source_member, "access_token");
  EXPECT_EQ(found.token_url, "https://sts.googleapis.com/v1/token");
  EXPECT_EQ(found.impersonation_seconds, 1200);

  object["service_account_impersonation"]["token_lifetime_seconds"] = "1h";
  EXPECT_THAT(problem(object), HasSubstr("token_lifetime_seconds"));
  object["credential_source"]["format"].erase("subject_token_field_name");
  EXPECT_EQ(problem(object), "credential_source.format.subject_token_field_name is missing");
  object["credential_source"] = {{"environment_id", "aws1"}, {"url", "http://169.254.169.254/"}};
  EXPECT_THAT(problem(object), HasSubstr("AWS"));
  object.erase("credential_source");
  EXPECT_EQ(problem(object), "credential_source is missing");
}

TEST(Credentials, AreFoundInTheConfiguredFileFirst) {
  const std::string path = ::testing::TempDir() + "google_account.json";
  std::ofstream(path) << account().dump();
  setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/adc.json", 1);
  EXPECT_TRUE(find_credentials(path).ok());
  const auto missing = find_credentials("");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("/nowhere/adc.json"));
  unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
  setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
  const auto machine = find_credentials("");
  unsetenv("GCE_METADATA_HOST");
  ASSERT_TRUE(machine.ok());
  EXPECT_EQ(std::get<MetadataServer>(machine->identity).host, "127.0.0.1:1");
  EXPECT_EQ(std::get<MetadataServer>(find_credentials("")->identity).host, "169.254.169.254");
}

TEST(Form, EncodesWhatIsNotPlain) {
  EXPECT_EQ(form({{"a", "b c"}, {"grant_type", "urn:x"}, {"t", "A-z_0.~+/=&%\xff"}}),
            "a=b%20c&grant_type=urn%3Ax&t=A-z_0.~%2B%2F%3D%26%25%FF");
}

}  // namespace
}  // namespace tollgate::gcp
