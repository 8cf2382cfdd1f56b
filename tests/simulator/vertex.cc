#include "tests/simulator/vertex.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

namespace tollgate::simulator {
namespace {

// Keeps the order of members.
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kMetadataPath = "/computeMetadata/v1/instance/service-accounts/default/token";
constexpr std::string_view kImpersonatePath = "/impersonate:generateAccessToken";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";

Reply json_reply(unsigned status, const Json& json) {
  Reply reply;
  reply.status = status;
  reply.headers.emplace_back("content-type", "application/json; charset=UTF-8");
  reply.body.push_back({json.dump()});
  return reply;
}

Reply oauth_error(std::string_view error, std::string_view description) {
  return json_reply(error == "invalid_client" ? 401 : 400, {{"error", error}, {"error_description", description}});
}

Reply google_error(unsigned status, std::string_view name, std::string_view message, bool array = false) {
  Json error = {{"error", {{"code", status}, {"message", message}, {"status", name}}}};
  return json_reply(status, array ? Json::array({error}) : error);
}

// An error of the model's own, as Vertex passes it on: within Google's.
Reply model_error(std::string_view message, bool array) {
  const Json inner = {{"type", "error"}, {"error", {{"type", "invalid_request_error"}, {"message", message}}}};
  return google_error(400, "INVALID_ARGUMENT", inner.dump(), array);
}

std::map<std::string, std::string> form_of(std::string_view body) {
  std::map<std::string, std::string> fields;
  while (!body.empty()) {
    const std::string_view field = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), field.size() + 1));
    const std::size_t equals = std::min(field.find('='), field.size());
    fields[percent_decoded(field.substr(0, equals))] =
        percent_decoded(field.substr(std::min(field.size(), equals + 1)));
  }
  return fields;
}

std::optional<std::string> from_base64url(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == kAlphabet.npos)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xff);
    }
  }
  return bytes;
}

bool verified(const std::string& pem, std::string_view text, std::string_view signature) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr),
                                                           EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

Json part(std::string_view text) {
  const auto bytes = from_base64url(text);
  return bytes ? Json::parse(*bytes, nullptr, false) : Json();
}

}  // namespace

bool Vertex::is_call(const Request& request) {
  const std::string_view path = request.path();
  return path == "/token" || path == "/sts" || path == kImpersonatePath || path == kMetadataPath ||
         path.starts_with("/v1/projects/");
}

std::string Vertex::issue(bool federated) {
  const std::lock_guard lock(mutex_);
  std::string token = fmt::format("ya29.sim-{}", ++serial_);
  tokens_[token] = {Clock::now() + std::chrono::seconds(token_seconds_), federated};
  return token;
}

bool Vertex::accepts(const Request& request, bool federated) {
  const std::string_view authorization = request.header("authorization");
  if (!authorization.starts_with("Bearer "))
    return false;
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(authorization.substr(7));
  return found != tokens_.end() && found->second.federated == federated && Clock::now() < found->second.until;
}

Reply Vertex::control(const Request& request) {
  const Json json = Json::parse(request.body, nullptr, false);
  if (!json.is_object())
    return error_reply(400, "must be {\"revoke\": true} or {\"token_seconds\": N}");
  const std::lock_guard lock(mutex_);
  if (json.value("revoke", false))
    tokens_.clear();
  token_seconds_ = json.value("token_seconds", token_seconds_);
  return json_reply(200, {{"ok", true}});
}

std::string Vertex::wrong_assertion(const std::string& assertion, std::string_view audience) const {
  const std::size_t first = assertion.find('.');
  const std::size_t second = assertion.find('.', first + 1);
  if (first == assertion.npos || second == assertion.npos)
    return "Invalid JWT: three parts are expected";
  const Json header = part(std::string_view(assertion).substr(0, first));
  const Json claims = part(std::string_view(assertion).substr(first + 1, second - first - 1));
  const auto signature = from_base64url(std::string_view(assertion).substr(second + 1));
  if (!header.is_object() || header.value("alg", "") != "RS256" || header.value("typ", "") != "JWT" ||
      header.value("kid", "").empty())
    return "Invalid JWT header";
  if (!signature || !verified(options_.public_key, std::string_view(assertion).substr(0, second), *signature))
    return "Invalid JWT Signature.";
  const std::int64_t now = std::time(nullptr);
  const std::int64_t issued = claims.value("iat", std::int64_t{0});
  const std::int64_t expires = claims.value("exp", std::int64_t{0});
  if (issued > now + 60 || expires <= now || expires - issued > 3600)
    return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
  if (claims.value("aud", "") != audience)
    return "Invalid JWT: Failed audience check.";
  if (claims.value("iss", "") != options_.email)
    return "Invalid grant: account not found";
  if (claims.value("scope", "") != kScope)
    return "Invalid OAuth scope or ID token audience provided.";
  return {};
}

Reply Vertex::token(const Request& request) {
  if (request.method != "POST" || request.header("content-type") != "application/x-www-form-urlencoded")
    return oauth_error("invalid_request", "must be a POST of a form");
  std::map<std::string, std::string> fields = form_of(request.body);
  if (fields["grant_type"] == "refresh_token") {
    if (fields["client_id"] != "client-id" || fields["client_secret"] != "client-secret")
      return oauth_error("invalid_client", "The OAuth client was not found.");
    if (fields["refresh_token"] != "refresh-token")
      return oauth_error("invalid_grant", "Token has been expired or revoked.");
  } else if (fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer") {
    const std::string audience = fmt::format("http://{}/token", request.header("host"));
    if (const std::string wrong = wrong_assertion(fields["assertion"], audience); !wrong.empty())
      return oauth_error("invalid_grant", wrong);
  } else {
    return oauth_error("unsupported_grant_type", "Invalid grant_type: " + fields["grant_type"]);
  }
  return json_reply(200, {{"access_token", issue()}, {"expires_in", token_seconds_}, {"token_type", "Bearer"}});
}

Reply Vertex::exchange(const Request& request) {
  std::map<std::string, std::string> fields = form_of(request.body);
  if (fields["grant_type"] != "urn:ietf:params:oauth:grant-type:token-exchange" || fields["audience"].empty() ||
      fields["scope"] != kScope || fields["requested_token_type"] != "urn:ietf:params:oauth:token-type:access_token" ||
      fields["subject_token_type"] != "urn:ietf:params:oauth:token-type:jwt")
    return oauth_error("invalid_request", "a field is missing or wrong");
  if (fields["subject_token"] != "subject-token")
    return oauth_error("invalid_grant", "The subject token is not valid.");
  // An audience for the federated token itself says so.
  const bool direct = fields["audience"].ends_with("/direct");
  return json_reply(200, {{"access_token", issue(!direct)},
                          {"issued_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                          {"token_type", "Bearer"},
                          {"expires_in", token_seconds_}});
}

Reply Vertex::impersonate(const Request& request) {
  if (!accepts(request, true))
    return google_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || body.value("scope", Json()) != Json::array({kScope}) || !body.contains("lifetime"))
    return google_error(400, "INVALID_ARGUMENT", "scope and lifetime are required");
  std::time_t until = std::time(nullptr) + token_seconds_;
  std::tm utc{};
  gmtime_r(&until, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%FT%TZ", &utc);
  return json_reply(200, {{"accessToken", issue()}, {"expireTime", std::string(text, size)}});
}

Reply Vertex::handle(const Request& request) {
  const std::string_view path = request.path();
  if (path == "/token")
    return token(request);
  if (path == "/sts")
    return exchange(request);
  if (path == kImpersonatePath)
    return impersonate(request);
  if (path == kMetadataPath) {
    if (request.header("metadata-flavor") != "Google")
      return google_error(403, "PERMISSION_DENIED", "Missing Metadata-Flavor:Google header.");
    return json_reply(200, {{"access_token", issue()}, {"expires_in", token_seconds_}, {"token_type", "Bearer"}});
  }
  return predict(request);
}

Reply Vertex::predict(const Request& request) {
  const std::string_view path = request.path();
  const bool stream = path.ends_with(":streamRawPredict");
  if (!accepts(request)) {
    return google_error(401, "UNAUTHENTICATED",
                        "Request had invalid authentication credentials. Expected OAuth 2 access token.", stream);
  }
  const std::string projects = fmt::format("/v1/projects/{}/locations/", options_.project);
  if (!path.starts_with(projects))
    return google_error(403, "PERMISSION_DENIED", "Permission denied on resource project.", stream);
  const std::string_view rest = path.substr(projects.size());
  const std::string_view region = rest.substr(0, rest.find('/'));
  if (request.method == "GET" && rest == region)
    return json_reply(200, {{"name", path.substr(4)}, {"locationId", region}});
  constexpr std::string_view kModels = "/publishers/anthropic/models/";
  const std::string_view call = rest.substr(region.size());
  const std::size_t colon = call.rfind(':');
  if (request.method != "POST" || !call.starts_with(kModels) || colon == call.npos ||
      (!stream && call.substr(colon) != ":rawPredict"))
    return google_error(404, "NOT_FOUND", "The requested URL was not found on this server.", stream);
  if (request.target.find('?') != request.target.npos)
    return google_error(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"beta\".", stream);
  for (const char* header : {"x-api-key", "anthropic-version"}) {
    if (!request.header(header).empty())
      return model_error(fmt::format("{}: this header does not belong here", header), stream);
  }
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object())
    return google_error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.", stream);
  const Json version = body.value("anthropic_version", Json());
  if (version != "vertex-2023-10-16" && version != "2026-10-21")
    return model_error("anthropic_version: Field required", stream);
  const std::string model = percent_decoded(call.substr(kModels.size(), colon - kModels.size()));
  const bool counts = model == "count-tokens";
  if (body.contains("model") != counts)
    return model_error(counts ? "model: Field required" : "model: Extra inputs are not permitted", stream);
  if (!counts && body.value("stream", false) != stream)
    return model_error("stream: does not fit the method", stream);
  body.erase("anthropic_version");
  if (!counts)
    body["model"] = model;

  Request asked = request;
  asked.target = counts ? "/v1/messages/count_tokens" : "/v1/messages";
  asked.headers.emplace_back("anthropic-version", version == "2026-10-21" ? "2026-10-21" : "2023-06-01");
  asked.body = body.dump();
  asked.body.reserve(asked.body.size() + 64);
  return api_.handle(asked);
}

}  // namespace tollgate::simulator
