#include "services/provider_adapter/google/token_exchange.h"

#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "services/common/base/log.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::chrono::seconds kAssertionLife(3600);
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  for (char& c : text)
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0)
    text += '=';
  return text;
}

// One exchange under way: what its steps share.
struct Exchange {
  const std::string& name;
  Fetcher& fetcher;

  absl::Status refused(std::string_view step, std::string_view why,
                       FailureKind kind = v1::Failure::KIND_UPSTREAM_AUTH) const {
    return to_status(upstream_failure(
        kind, name, fmt::format("Upstream {} has no access token of Google's: {} failed: {}.", name, step, why)));
  }

  // The JSON object that a step brought.
  Awaitable<absl::StatusOr<json>> ask(std::string step, FetchRequest request) {
    const std::string url = request.url;
    const absl::StatusOr<FetchReply> reply = co_await fetcher.fetch(std::move(request));
    if (!reply.ok()) {
      const v1::Failure failure = failure_of(reply.status());
      co_return refused(step, fmt::format("{} ({})", url, failure.message()), failure.kind());
    }
    json body = json::parse(reply->body, nullptr, false);
    if (reply->status / 100 != 2) {
      std::string code;
      if (body.is_object() && body.contains("error")) {
        const json& said = body["error"];
        code = said.is_string() ? said.get<std::string>() : said.is_object() ? said.value("status", "") : "";
      }
      Log(spdlog::level::warn, "google_token_refused")
          .with("upstream", name)
          .with("step", step)
          .with("status", reply->status)
          .with("answer", std::string_view(reply->body).substr(0, 1000));
      const bool theirs = reply->status >= 500 || reply->status == 429;
      co_return refused(step, fmt::format("{} answered {}{}{}", url, reply->status, code.empty() ? "" : " ", code),
                        theirs ? v1::Failure::KIND_UNAVAILABLE : v1::Failure::KIND_UPSTREAM_AUTH);
    }
    if (!body.is_object())
      co_return refused(step, fmt::format("{} answered {} with no JSON object", url, reply->status));
    co_return std::move(body);
  }

  absl::StatusOr<AccessToken> token_of(std::string_view step, const json& body) const {
    const auto token = body.find("access_token");
    const auto life = body.find("expires_in");
    if (token == body.end() || !token->is_string() || token->get_ref<const std::string&>().empty())
      return refused(step, "the answer holds no access_token");
    AccessToken made{token->get<std::string>(), std::chrono::seconds(3600)};
    if (life != body.end() && life->is_number_integer())
      made.lifetime = std::chrono::seconds(life->get<std::int64_t>());
    return made;
  }

  Awaitable<absl::StatusOr<AccessToken>> token(std::string step, FetchRequest request) {
    const std::string named = step;
    const absl::StatusOr<json> body = co_await ask(std::move(step), std::move(request));
    if (!body.ok())
      co_return body.status();
    co_return token_of(named, *body);
  }

  Awaitable<absl::StatusOr<AccessToken>> get(const ServiceAccount& account, std::int64_t now) {
    json header = {{"alg", "RS256"}, {"typ", "JWT"}};
    if (!account.private_key_id.empty())
      header["kid"] = account.private_key_id;
    const json claims = {{"iss", account.client_email},
                         {"scope", kScope},
                         {"aud", account.token_uri},
                         {"iat", now},
                         {"exp", now + kAssertionLife.count()}};
    const std::string assertion = account.private_key.sign(header.dump(), claims.dump());
    FetchRequest request;
    request.url = account.token_uri;
    request.headers.emplace_back("content-type", kForm);
    request.body = form({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
    return token("the exchange of the service account's assertion", std::move(request));
  }

  Awaitable<absl::StatusOr<AccessToken>> get(const AuthorizedUser& user, std::int64_t) {
    FetchRequest request;
    request.url = user.token_uri;
    request.headers.emplace_back("content-type", kForm);
    request.body = form({{"grant_type", "refresh_token"},
                         {"client_id", user.client_id},
                         {"client_secret", user.client_secret},
                         {"refresh_token", user.refresh_token}});
    return token("the exchange of the user's refresh token", std::move(request));
  }

  Awaitable<absl::StatusOr<AccessToken>> get(const MetadataServer& server, std::int64_t) {
    FetchRequest request;
    request.method = "GET";
    request.url = fmt::format("http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
                              server.host, kScope);
    request.headers.emplace_back("metadata-flavor", "Google");
    return token("the request to the metadata server", std::move(request));
  }

  Awaitable<absl::StatusOr<std::string>> subject_token(const ExternalAccount& account) {
    const std::string step = "reading the subject token";
    std::string text;
    if (!account.source_file.empty()) {
      // A small local file, which whoever rotates the token writes anew.
      std::ifstream stream(account.source_file, std::ios::binary);
      if (!stream)
        co_return refused(step, fmt::format("the file {} cannot be read", account.source_file));
      text.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    } else {
      FetchRequest request;
      request.method = "GET";
      request.url = account.source_url;
      request.headers.assign(account.source_headers.begin(), account.source_headers.end());
      const absl::StatusOr<FetchReply> reply = co_await fetcher.fetch(std::move(request));
      if (!reply.ok())
        co_return refused(step, failure_of(reply.status()).message(), failure_of(reply.status()).kind());
      if (reply->status != 200)
        co_return refused(step, fmt::format("{} answered {}", account.source_url, reply->status));
      text = reply->body;
    }
    if (!account.source_member.empty()) {
      const json object = json::parse(text, nullptr, false);
      if (!object.is_object() || !object.contains(account.source_member) || !object[account.source_member].is_string())
        co_return refused(step,
                          fmt::format("its source is no JSON object with a string \"{}\"", account.source_member));
      text = object[account.source_member].get<std::string>();
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
      text.pop_back();
    if (text.empty())
      co_return refused(step, "it is empty");
    co_return std::move(text);
  }

  Awaitable<absl::StatusOr<AccessToken>> get(const ExternalAccount& account, std::int64_t now) {
    const absl::StatusOr<std::string> subject = co_await subject_token(account);
    if (!subject.ok())
      co_return subject.status();
    FetchRequest request;
    request.url = account.token_url;
    request.headers.emplace_back("content-type", kForm);
    if (!account.client_id.empty())
      request.headers.emplace_back("authorization", "Basic " + base64(account.client_id + ":" + account.client_secret));
    request.body = form({{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                         {"audience", account.audience},
                         {"scope", kScope},
                         {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                         {"subject_token", *subject},
                         {"subject_token_type", account.subject_token_type}});
    std::string step = "the exchange of the subject token";
    absl::StatusOr<AccessToken> federated = co_await token(std::move(step), std::move(request));
    if (!federated.ok() || account.impersonation_url.empty())
      co_return federated;
    co_return co_await impersonate(account, federated->value, now);
  }

  Awaitable<absl::StatusOr<AccessToken>> impersonate(const ExternalAccount& account, const std::string& federated,
                                                     std::int64_t now) {
    const std::string step = "the impersonation of the service account";
    FetchRequest request;
    request.url = account.impersonation_url;
    request.headers.emplace_back("content-type", "application/json");
    request.headers.emplace_back("authorization", "Bearer " + federated);
    const json body = {{"scope", json::array({kScope})},
                       {"lifetime", fmt::format("{}s", account.impersonation_seconds)}};
    request.body = body.dump();
    const absl::StatusOr<json> reply = co_await ask(step, std::move(request));
    if (!reply.ok())
      co_return reply.status();
    const std::string value = reply->value("accessToken", json()).is_string() ? reply->value("accessToken", "") : "";
    const std::string until = reply->value("expireTime", json()).is_string() ? reply->value("expireTime", "") : "";
    std::tm time{};
    if (value.empty())
      co_return refused(step, "the answer holds no accessToken");
    if (strptime(until.c_str(), "%Y-%m-%dT%H:%M:%S", &time) == nullptr)
      co_return refused(step, "the answer holds no expireTime");
    co_return AccessToken{value, std::chrono::seconds(timegm(&time) - now)};
  }
};

}  // namespace

std::string form(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  static constexpr std::string_view kPlain = "-_.~";
  std::string out;
  const auto add = [&out](std::string_view text) {
    for (const char c : text) {
      const bool plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPlain.find(c) != kPlain.npos;
      out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  };
  for (const auto& [name, value] : fields) {
    if (!out.empty())
      out += '&';
    add(name);
    out += '=';
    add(value);
  }
  return out;
}

Awaitable<absl::StatusOr<AccessToken>> exchange(const Credentials& credentials, const std::string& name,
                                                Fetcher& fetcher, std::chrono::system_clock::time_point now) {
  Exchange steps{name, fetcher};
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  absl::StatusOr<AccessToken> token;
  if (const auto* account = std::get_if<ServiceAccount>(&credentials.identity)) {
    token = co_await steps.get(*account, seconds);
  } else if (const auto* user = std::get_if<AuthorizedUser>(&credentials.identity)) {
    token = co_await steps.get(*user, seconds);
  } else if (const auto* external = std::get_if<ExternalAccount>(&credentials.identity)) {
    token = co_await steps.get(*external, seconds);
  } else {
    token = co_await steps.get(std::get<MetadataServer>(credentials.identity), seconds);
  }
  co_return token;
}

}  // namespace tollgate::gcp
