#include "services/provider_adapter/aws/credential_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "services/provider_adapter/aws/fetch.h"
#include "services/provider_adapter/http/url.h"

namespace tollgate::aws {
namespace {

constexpr milliseconds kEndpointTimeout(5000);
// Off EC2 nobody answers.
constexpr milliseconds kInstanceTimeout(1000);

using Found = absl::StatusOr<std::optional<TimedCredentials>>;

std::optional<std::string> contents(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string without_newline(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

// Whether the token may go there: over TLS anywhere, over plain HTTP only to this machine and to AWS' own endpoints.
bool is_trusted_endpoint(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  const auto parsed = upstream::parse_url(std::string_view(url).substr(0, slash));
  if (!parsed.ok())
    return false;
  if (parsed->tls || parsed->host == "localhost")
    return true;
  error_code ec;
  const auto address = asio::ip::make_address(parsed->host, ec);
  if (ec)
    return false;
  // ECS, EKS Pod Identity.
  constexpr std::array<std::string_view, 3> kOfAws = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
  return address.is_loopback() || std::find(kOfAws.begin(), kOfAws.end(), address.to_string()) != kOfAws.end();
}

// One look at all the sources; what was not there is noted.
class Search {
 public:
  Search(asio::io_context& context, Deadlines& deadlines, const ChainOptions& options)
      : context_(context), deadlines_(deadlines), options_(options) {}

  Awaitable<absl::StatusOr<TimedCredentials>> run() {
    if (!options_.profile.empty())
      co_return only(shared_file(), "the shared credentials file");
    Found found = environment();
    if (is_end(found))
      co_return only(std::move(found), "the environment");
    found = co_await web_identity();
    if (is_end(found))
      co_return only(std::move(found), "the web identity");
    found = shared_file();
    if (is_end(found))
      co_return only(std::move(found), "the shared credentials file");
    found = co_await container();
    if (is_end(found))
      co_return only(std::move(found), "the container's credentials endpoint");
    found = co_await instance();
    co_return only(std::move(found), "the instance metadata service");
  }

 private:
  static bool is_end(const Found& found) { return !found.ok() || found->has_value(); }

  absl::StatusOr<TimedCredentials> only(Found found, std::string_view source) const {
    if (!found.ok())
      return absl::UnavailableError(fmt::format("{}: {}", source, std::string(found.status().message())));
    if (!found->has_value())
      return absl::NotFoundError(fmt::format("none were found; tried {}", tried_));
    (*found)->source = std::string(source);
    return **std::move(found);
  }

  Found absent(std::string_view source, std::string_view why) {
    fmt::format_to(std::back_inserter(tried_), "{}{} ({})", tried_.empty() ? "" : ", ", source, why);
    return std::optional<TimedCredentials>();
  }

  std::string variable(const char* name) const { return options_.environment(name); }

  static Found found(absl::StatusOr<TimedCredentials> credentials) {
    if (!credentials.ok())
      return credentials.status();
    return std::optional<TimedCredentials>(*std::move(credentials));
  }

  Found environment() {
    TimedCredentials out;
    out.credentials = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")};
    if (out.credentials.access_key_id.empty())
      return absent("the environment", "AWS_ACCESS_KEY_ID is not set");
    if (out.credentials.secret_access_key.empty())
      return absl::NotFoundError("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
    return found(std::move(out));
  }

  Found shared_file() {
    std::string path = variable("AWS_SHARED_CREDENTIALS_FILE");
    if (path.empty())
      path = variable("HOME") + "/.aws/credentials";
    std::string profile = options_.profile.empty() ? variable("AWS_PROFILE") : options_.profile;
    const bool named = !profile.empty();
    if (!named)
      profile = "default";
    const std::optional<std::string> text = contents(path);
    absl::StatusOr<TimedCredentials> credentials =
        text ? read_profile(*text, profile) : absl::NotFoundError("the file cannot be read");
    if (credentials.ok())
      return found(std::move(credentials));
    const std::string why = fmt::format("{}: {}", path, std::string(credentials.status().message()));
    if (named || credentials.status().code() != absl::StatusCode::kNotFound)
      return absl::NotFoundError(why + "; profiles with a role, SSO or a process are not supported");
    return absent("the shared credentials file", why);
  }

  Awaitable<Found> web_identity() {
    const std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = variable("AWS_ROLE_ARN");
    if (file.empty() || role.empty()) {
      co_return absent("the web identity",
                       file.empty() ? "AWS_WEB_IDENTITY_TOKEN_FILE is not set" : "AWS_ROLE_ARN is not set");
    }
    const std::optional<std::string> token = contents(file);
    if (!token)
      co_return absl::NotFoundError(fmt::format("the file {} cannot be read", file));
    std::string session = variable("AWS_ROLE_SESSION_NAME");
    if (session.empty())
      session = "tollgate";
    FetchRequest request;
    request.method = "POST";
    request.url = variable("AWS_ENDPOINT_URL_STS");
    if (request.url.empty())
      request.url = fmt::format("https://sts.{}.amazonaws.com{}/", options_.region,
                                options_.region.starts_with("cn-") ? ".cn" : "");
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    request.body = fmt::format(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
        percent_encoded(role), percent_encoded(session), percent_encoded(without_newline(*token)));
    request.timeout = kEndpointTimeout;
    const auto reply = co_await fetch(context_, deadlines_, std::move(request));
    if (!reply.ok())
      co_return reply.status();
    if (reply->status != 200)
      co_return absl::UnavailableError(
          fmt::format("STS answered {} for the role {}: {}", reply->status, role, read_sts_error(reply->body)));
    co_return found(read_sts_xml(reply->body));
  }

  Awaitable<Found> container() {
    const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty())
      co_return absent("the container's credentials endpoint", "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
    FetchRequest request;
    request.url = relative.empty() ? full : "http://169.254.170.2" + relative;
    request.timeout = kEndpointTimeout;
    if (!is_trusted_endpoint(request.url)) {
      co_return absl::InvalidArgumentError(
          fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI is {}: expected https, a loopback address or one of AWS' own",
                      request.url));
    }
    std::string token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) {
      const std::optional<std::string> text = contents(file);
      if (!text)
        co_return absl::NotFoundError(fmt::format("the file {} cannot be read", file));
      token = without_newline(*text);
    }
    if (token.find_first_of("\r\n") != std::string::npos)
      co_return absl::InvalidArgumentError("its token has a line break");
    if (!token.empty())
      request.headers.emplace_back("authorization", token);
    const std::string url = request.url;
    const auto reply = co_await fetch(context_, deadlines_, std::move(request));
    if (!reply.ok())
      co_return reply.status();
    if (reply->status != 200)
      co_return absl::UnavailableError(fmt::format("{} answered {}", url, reply->status));
    co_return found(read_endpoint_json(reply->body));
  }

  Awaitable<Found> instance() {
    constexpr std::string_view kSource = "the instance metadata service";
    if (variable("AWS_EC2_METADATA_DISABLED") == "true")
      co_return absent(kSource, "AWS_EC2_METADATA_DISABLED is true");
    std::string base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base.empty())
      base = "http://169.254.169.254";
    while (base.ends_with('/'))
      base.pop_back();
    FetchRequest token_request;
    token_request.method = "PUT";
    token_request.url = base + "/latest/api/token";
    token_request.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    token_request.timeout = kInstanceTimeout;
    const auto token = co_await fetch(context_, deadlines_, std::move(token_request));
    if (!token.ok())
      co_return absent(kSource, std::string(token.status().message()));
    if (token->status != 200)
      co_return absent(kSource, fmt::format("{} gives no session token: {}", base, token->status));
    const std::string list = base + "/latest/meta-data/iam/security-credentials/";
    FetchRequest role_request;
    role_request.url = list;
    role_request.headers = {{"x-aws-ec2-metadata-token", without_newline(token->body)}};
    role_request.timeout = kEndpointTimeout;
    FetchRequest request = role_request;
    const auto roles = co_await fetch(context_, deadlines_, std::move(role_request));
    if (!roles.ok())
      co_return roles.status();
    if (roles->status != 200)
      co_return absent(kSource, fmt::format("the instance has no role: {}", roles->status));
    request.url = list + roles->body.substr(0, roles->body.find_first_of("\r\n"));
    const auto reply = co_await fetch(context_, deadlines_, std::move(request));
    if (!reply.ok())
      co_return reply.status();
    if (reply->status != 200)
      co_return absl::UnavailableError(fmt::format("{} answered {}", base, reply->status));
    co_return found(read_endpoint_json(reply->body));
  }

  asio::io_context& context_;
  Deadlines& deadlines_;
  const ChainOptions& options_;
  std::string tried_;
};

}  // namespace

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Awaitable<absl::StatusOr<TimedCredentials>> find_credentials(asio::io_context& context, Deadlines& deadlines,
                                                             const ChainOptions& options) {
  Search search(context, deadlines, options);
  co_return co_await search.run();
}

}  // namespace tollgate::aws
