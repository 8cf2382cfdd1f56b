#include <gtest/gtest.h>

#include <boost/crc.hpp>

#include "services/common/base/errors.h"
#include "services/provider_adapter/aws/base64.h"
#include "services/provider_adapter/aws/credential_texts.h"
#include "services/provider_adapter/bedrock/chunk_decoder.h"
#include "services/provider_adapter/bedrock/failures.h"
#include "services/provider_adapter/bedrock/invoke_body.h"
#include "services/provider_adapter/bedrock/route.h"
#include "services/provider_adapter/bedrock/upstream.h"

namespace tollgate::bedrock {
namespace {

std::string invoke(std::string body, Moved moved = {}, std::string_view model = "anthropic.claude-opus-4-8") {
  const auto made = invoke_body(body, std::move(moved), model);
  return made.ok() ? *made : std::string(made.status().message());
}

TEST(InvokeBody, MovesWhatIsElsewhereAndLeavesTheRest) {
  EXPECT_EQ(invoke(R"({"model":"m","max_tokens":5,"stream":true,"messages":[]})"),
            R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[]})");
  EXPECT_EQ(invoke(R"({"max_tokens":5,"messages":[],"model":"m"})"),
            R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[]})");
  EXPECT_EQ(invoke(R"({"model":"m"})"), R"({"anthropic_version":"bedrock-2023-05-31"})");
  EXPECT_EQ(invoke("{}"), R"({"anthropic_version":"bedrock-2023-05-31"})");
  EXPECT_EQ(invoke(R"({"model":"m","stream":false})"), R"({"anthropic_version":"bedrock-2023-05-31"})");
}

// Spelling of numbers, escapes, order, space and unknown members: none of it is ours.
TEST(InvokeBody, KeepsEveryByte) {
  EXPECT_EQ(invoke("{ \"a\" : 1.50e+1 ,\n \"model\" : \"m\" , \"\\u0062\":\"\\u00e9\\/\", \"n\": {\"model\":1} }\n"),
            "{\"anthropic_version\":\"bedrock-2023-05-31\", \"a\" : 1.50e+1 , \"\\u0062\":\"\\u00e9\\/\", \"n\": "
            "{\"model\":1} }\n");
  // An escaped name is the name.
  EXPECT_EQ(invoke(R"({"\u006dodel":"m","x":1})"), R"({"anthropic_version":"bedrock-2023-05-31","x":1})");
}

TEST(InvokeBody, TakesFlagsFromHeaders) {
  Moved moved;
  add_betas("a-1, b-2 ,,", moved.betas);
  add_betas("c\"3", moved.betas);
  moved.user_profile = "p";
  EXPECT_EQ(invoke(R"({"z":1,"user_profile_id":"q"})", moved),
            R"({"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1","b-2","c\"3"],)"
            R"("user_profile_id":"p","z":1})");
  EXPECT_EQ(invoke(R"({"anthropic_beta":["d"]})"), "anthropic_beta: Extra inputs are not permitted");
  EXPECT_EQ(invoke(R"({"anthropic_version":"x"})"), "anthropic_version: Extra inputs are not permitted");
}

TEST(InvokeBody, NewVersionOnlyForModelsThatKnowIt) {
  for (const char* model : {"anthropic.claude-opus-4-8", "us.anthropic.claude-sonnet-5", "anthropic.claude-opus-4-7"})
    EXPECT_EQ(invoke_version("2026-10-21", model), "2026-10-21") << model;
  for (const char* model : {"anthropic.claude-opus-4-6-v1", "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                            "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"})
    EXPECT_EQ(invoke_version("2026-10-21", model), "bedrock-2023-05-31") << model;
  EXPECT_EQ(invoke_version("2023-06-01", "anthropic.claude-opus-4-8"), "bedrock-2023-05-31");
  Moved moved;
  moved.version = "2026-10-21";
  EXPECT_EQ(invoke(R"({"top_k":1})", moved, "anthropic.claude-opus-4-6-v1"), "top_k: Extra inputs are not permitted");
  EXPECT_EQ(invoke(R"({"top_k":1})", moved), R"({"anthropic_version":"2026-10-21","top_k":1})");
}

TEST(InvokeBody, RefusesWhatIsNoObject) {
  for (const char* body : {"", "[]", "1", "{", R"({"a":})", R"({"a":1)"})
    EXPECT_NE(invoke(body).find("not a JSON object"), std::string::npos) << body;
}

TEST(InvokeBody, CountingWrapsIt) {
  std::string body = R"({"model":"m","messages":[]})";
  const auto made = count_tokens_body(body, {}, "m");
  ASSERT_TRUE(made.ok());
  const std::string inner = R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]})";
  EXPECT_EQ(*made, R"({"input":{"invokeModel":{"body":")" + aws::base64(inner) + R"("}}})");
}

TEST(BedrockPaths, EncodeTheModel) {
  using anthropic::Call;
  EXPECT_EQ(invoke_path(Call::kMessages, "anthropic.claude-sonnet-4-5-20250929-v1:0", false),
            "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/invoke");
  EXPECT_EQ(invoke_path(Call::kMessages, "arn:aws:bedrock:us-east-1:1:application-inference-profile/a b", true),
            "/model/arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fa%20b/invoke-with-response-stream");
  EXPECT_EQ(invoke_path(Call::kCountTokens, "m", true), "/model/m/count-tokens");
  EXPECT_EQ(base_model("us.anthropic.claude-x"), "anthropic.claude-x");
  EXPECT_EQ(base_model("anthropic.claude-x"), "anthropic.claude-x");
  EXPECT_EQ(base_model("arn:aws:x/us.anthropic.claude"), "arn:aws:x/us.anthropic.claude");
  EXPECT_EQ(service_of("bedrock-mantle.us-east-1.api.aws"), "bedrock-mantle");
  EXPECT_EQ(service_of("bedrock-runtime.us-east-1.amazonaws.com"), "bedrock");
}

TEST(CutMetrics, LeavesTheRestAlone) {
  const std::string metrics =
      R"("amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":9,"cacheReadInputTokenCount":3})";
  for (const auto& [event, expected] :
       {std::pair(R"({"type":"message_stop",)" + metrics + "}", std::string(R"({"type":"message_stop"})")),
        {"{" + metrics + R"(, "type":"message_stop"})", R"({"type":"message_stop"})"},
        {R"({"a":1,)" + metrics + R"(,"b":2})", R"({"a":1,"b":2})"},
        {"{" + metrics + "}", "{}"}}) {
    std::string text = event;
    InvocationMetrics read;
    EXPECT_TRUE(cut_metrics(text, read));
    EXPECT_EQ(text, expected);
    EXPECT_EQ(read.input_tokens, 7);
    EXPECT_EQ(read.output_tokens, 9);
    EXPECT_EQ(read.cache_read_tokens, 3);
    EXPECT_EQ(read.cache_write_tokens, -1);
  }
  std::string plain = R"({"type":"message_stop"})";
  InvocationMetrics none;
  EXPECT_FALSE(cut_metrics(plain, none));
  EXPECT_EQ(plain, R"({"type":"message_stop"})");
}

std::string frame(const std::vector<std::pair<std::string, std::string>>& headers, const std::string& payload) {
  const auto number = [](std::size_t value, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(value >> shift & 0xff);
    return out;
  };
  const auto crc = [&number](const std::string& bytes) {
    boost::crc_32_type sum;
    sum.process_bytes(bytes.data(), bytes.size());
    return number(sum.checksum(), 4);
  };
  std::string block;
  for (const auto& [name, value] : headers)
    block += number(name.size(), 1) + name + number(7, 1) + number(value.size(), 2) + value;
  std::string out = number(16 + block.size() + payload.size(), 4) + number(block.size(), 4);
  out += crc(out);
  out += block + payload;
  return out + crc(out);
}

std::string chunk(const std::string& event) {
  return frame({{":event-type", "chunk"}, {":content-type", "application/json"}, {":message-type", "event"}},
               R"({"p":"abc","bytes":")" + aws::base64(event) + "\"}");
}

TEST(ChunkDecoder, MakesServerSentEventsOfAnySplit) {
  const std::string bytes =
      chunk(R"({"type":"message_start","message":{}})") +
      frame({{":event-type", "new"}, {":message-type", "event"}}, "?") + chunk("{\"type\":\"ping\",\n\"x\":1}") +
      chunk(R"({"no":"type"})") +
      chunk(R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":4}})");
  const std::string expected =
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n"
      "event: ping\ndata: {\"type\":\"ping\", \"x\":1}\n\n"
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ChunkDecoder decoder("b");
    std::string events;
    ASSERT_TRUE(decoder.decode(bytes.substr(0, cut), events).ok());
    ASSERT_TRUE(decoder.decode(bytes.substr(cut), events).ok());
    ASSERT_TRUE(decoder.finish(events).ok());
    ASSERT_EQ(events, expected) << cut;
    v1::Usage usage;
    decoder.complete(usage);
    ASSERT_EQ(usage.input_tokens(), 4);
  }
}

TEST(ChunkDecoder, MetricsOnlyFillGaps) {
  ChunkDecoder decoder("b");
  std::string events;
  ASSERT_TRUE(
      decoder
          .decode(chunk(R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":99,)"
                        R"("outputTokenCount":50,"cacheReadInputTokenCount":7,"cacheWriteInputTokenCount":8}})"),
                  events)
          .ok());
  v1::Usage usage;
  usage.set_input_tokens(3);
  usage.set_output_tokens(2);
  usage.set_cache_write_1h_tokens(1);
  usage.set_final(true);
  decoder.complete(usage);
  EXPECT_EQ(usage.input_tokens(), 3);
  EXPECT_EQ(usage.output_tokens(), 2);
  EXPECT_EQ(usage.cache_read_tokens(), 7);
  EXPECT_EQ(usage.cache_write_5m_tokens(), 0);
  usage.set_final(false);
  decoder.complete(usage);
  EXPECT_EQ(usage.output_tokens(), 50);
  EXPECT_TRUE(usage.final());
}

v1::Failure fails(const std::string& bytes) {
  ChunkDecoder decoder("b");
  std::string events;
  absl::Status status = decoder.decode(bytes, events);
  if (status.ok())
    status = decoder.finish(events);
  return status.ok() ? v1::Failure() : failure_of(status);
}

TEST(ChunkDecoder, ExceptionsEndTheStreamByTheirName) {
  const auto exception = [](const std::string& name) {
    return fails(frame({{":exception-type", name}, {":message-type", "exception"}},
                       R"({"message":"why","originalStatusCode":400})"));
  };
  EXPECT_EQ(exception("throttlingException").kind(), v1::Failure::KIND_RATE_LIMITED);
  EXPECT_EQ(exception("serviceUnavailableException").kind(), v1::Failure::KIND_OVERLOADED);
  EXPECT_EQ(exception("serviceUnavailableException").http_status(), 529u);
  EXPECT_EQ(exception("modelTimeoutException").kind(), v1::Failure::KIND_TIMEOUT);
  EXPECT_EQ(exception("modelStreamErrorException").kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(exception("internalServerException").kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(exception("validationException").kind(), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_EQ(exception("validationException").message(), "why");
  EXPECT_EQ(exception("somethingNewException").kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(fails(frame({{":error-code", "500"}, {":error-message", "m"}, {":message-type", "error"}}, "")).kind(),
            v1::Failure::KIND_UNAVAILABLE);
}

TEST(ChunkDecoder, RefusesWhatIsMalformed) {
  const std::string good = chunk(R"({"type":"ping"})");
  EXPECT_EQ(fails(good).kind(), v1::Failure::KIND_UNSPECIFIED);
  EXPECT_EQ(fails(good.substr(0, good.size() - 1)).kind(), v1::Failure::KIND_UNAVAILABLE) << "cut short";
  std::string bad = good;
  bad[30] = static_cast<char>(bad[30] ^ 1);
  EXPECT_EQ(fails(bad).kind(), v1::Failure::KIND_UNAVAILABLE);
  EXPECT_EQ(fails(frame({{":event-type", "chunk"}, {":message-type", "event"}}, R"({"bytes":"*"})")).kind(),
            v1::Failure::KIND_UNAVAILABLE);
}

struct ErrorRow {
  unsigned status;
  const char* type;
  const char* message;
  FailureKind kind;
};
class BedrockErrors : public testing::TestWithParam<ErrorRow> {};

TEST_P(BedrockErrors, MeanWhatTheirNameSays) {
  const ErrorRow& row = GetParam();
  boost::beast::http::fields headers;
  headers.set("x-amzn-errortype", std::string(row.type) + ":http://internal.amazon.com/");
  headers.set("x-amzn-requestid", "id-1");
  headers.set("retry-after", "2");
  const std::string body = R"({"message":")" + std::string(row.message) + "\"}";
  const v1::Failure failure =
      failure_of_response("b", row.status, headers, body, true, std::chrono::system_clock::now());
  EXPECT_EQ(failure.kind(), row.kind) << row.type;
  EXPECT_EQ(failure.retry_after_ms(), 2000u);
  EXPECT_EQ(failure.upstream(), "b");
  EXPECT_TRUE(failure.body().empty()) << "AWS' form is not the API's";
  if (row.kind == v1::Failure::KIND_UPSTREAM_AUTH)
    EXPECT_EQ(failure.message().find(row.message), std::string::npos) << "names the gateway's account";
  else
    EXPECT_NE(failure.message().find(row.message), std::string::npos);
}

using F = v1::Failure;
INSTANTIATE_TEST_SUITE_P(All, BedrockErrors,
                         testing::Values(ErrorRow{400, "ValidationException", "bad", F::KIND_INVALID_REQUEST},
                                         ErrorRow{400, "ValidationException", "Input is too long for requested model.",
                                                  F::KIND_CONTEXT_LENGTH},
                                         ErrorRow{400, "ValidationException",
                                                  "with on-demand throughput isn't supported", F::KIND_UNAVAILABLE},
                                         ErrorRow{403, "AccessDeniedException", "arn:aws:sts::1:role",
                                                  F::KIND_UPSTREAM_AUTH},
                                         ErrorRow{403, "ExpiredTokenException", "arn", F::KIND_UPSTREAM_AUTH},
                                         ErrorRow{404, "ResourceNotFoundException", "none", F::KIND_NOT_FOUND},
                                         ErrorRow{408, "ModelTimeoutException", "slow", F::KIND_TIMEOUT},
                                         ErrorRow{424, "ModelErrorException", "oops", F::KIND_UNAVAILABLE},
                                         ErrorRow{429, "ThrottlingException", "Too many tokens", F::KIND_RATE_LIMITED},
                                         ErrorRow{429, "ModelNotReadyException", "wait", F::KIND_OVERLOADED},
                                         ErrorRow{400, "ServiceQuotaExceededException", "quota", F::KIND_RATE_LIMITED},
                                         ErrorRow{500, "InternalServerException", "oops", F::KIND_UNAVAILABLE},
                                         ErrorRow{503, "ServiceUnavailableException", "busy", F::KIND_OVERLOADED},
                                         ErrorRow{418, "NewException", "new", F::KIND_INVALID_REQUEST}));

TEST(BedrockErrors, ThoseOfTheApisOwnFormStayAsTheyAre) {
  const boost::beast::http::fields headers;
  const std::string body = R"({"type":"error","error":{"type":"rate_limit_error","message":"m"}})";
  const v1::Failure failure = failure_of_response("b", 429, headers, body, true, std::chrono::system_clock::now());
  EXPECT_EQ(failure.kind(), F::KIND_RATE_LIMITED);
  EXPECT_EQ(failure.body(), body);
}

}  // namespace
}  // namespace tollgate::bedrock

namespace tollgate::aws {
namespace {

TEST(CredentialTexts, ReadsProfiles) {
  const std::string file =
      "# mine\n[default]\naws_access_key_id = A1\naws_secret_access_key=S=1/+\n\n[ other ]\r\n"
      "aws_access_key_id=A2\r\naws_secret_access_key = S2\r\naws_session_token=T2\r\n[half]\naws_access_key_id=A3\n"
      "[role]\nrole_arn=arn\n";
  const auto found = read_profile(file, "default");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->credentials.access_key_id, "A1");
  EXPECT_EQ(found->credentials.secret_access_key, "S=1/+");
  EXPECT_EQ(found->credentials.session_token, "");
  EXPECT_EQ(read_profile(file, "other")->credentials.session_token, "T2");
  for (const char* name : {"half", "role", "none", "OTHER"})
    EXPECT_FALSE(read_profile(file, name).ok()) << name;
}

TEST(CredentialTexts, ReadsEndpoints) {
  const auto found = read_endpoint_json(
      R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-01-02T03:04:05Z"})");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->credentials.session_token, "T");
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*found->expires), 1767323045);
  for (const char* text : {"", "[]", "{}", R"({"AccessKeyId":"A"})", R"({"AccessKeyId":1,"SecretAccessKey":"S"})",
                           R"({"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"})"})
    EXPECT_FALSE(read_endpoint_json(text).ok()) << text;
}

TEST(CredentialTexts, ReadsSts) {
  const auto found = read_sts_xml(
      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\n"
      "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken> T </SessionToken>"
      "<Expiration>2026-01-02T03:04:05.123Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></X>");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->credentials.session_token, "T");
  EXPECT_TRUE(found->expires.has_value());
  EXPECT_FALSE(read_sts_xml("<Error/>").ok());
  EXPECT_EQ(read_sts_error("<ErrorResponse><Error><Code>AccessDenied</Code><Message>No.</Message></Error></X>"),
            "AccessDenied: No.");
}

TEST(CredentialTexts, ReadsTimes) {
  for (const char* text : {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05+00:00"})
    EXPECT_TRUE(parse_time(text)) << text;
  for (const char* text : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05+01:00", "x"})
    EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace tollgate::aws
