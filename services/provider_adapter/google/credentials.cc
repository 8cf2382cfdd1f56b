#include "services/provider_adapter/google/credentials.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"

namespace tollgate::gcp {
namespace {

using nlohmann::json;

constexpr const char* kTokenUri = "https://oauth2.googleapis.com/token";
constexpr const char* kMetadataHost = "169.254.169.254";

absl::Status wrong(std::string text) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(text));
}

// Reads members of one object; the first that is missing or wrong is kept.
class Members {
 public:
  explicit Members(const json& object, std::string where = "") : object_(object), where_(std::move(where)) {}

  std::string text(const char* name, bool required = true) {
    const auto found = object_.find(name);
    if (found == object_.end() || (found->is_string() && found->get_ref<const std::string&>().empty())) {
      if (required)
        fail(name, "is missing");
      return {};
    }
    if (!found->is_string()) {
      fail(name, "is not a string");
      return {};
    }
    return found->get<std::string>();
  }

  std::string url(const char* name, const char* otherwise) {
    std::string found = text(name, otherwise == nullptr);
    if (found.empty())
      return otherwise == nullptr ? found : otherwise;
    if (!found.starts_with("https://") && !found.starts_with("http://"))
      fail(name, "is not a URL");
    return found;
  }

  void fail(const char* name, std::string_view what) {
    if (problem_.empty())
      problem_ = fmt::format("{}{} {}", where_, name, what);
  }

  const std::string& problem() const { return problem_; }

 private:
  const json& object_;
  const std::string where_;
  std::string problem_;
};

absl::StatusOr<Credentials> service_account(const json& object) {
  Members members(object);
  const std::string email = members.text("client_email");
  const std::string pem = members.text("private_key");
  const std::string id = members.text("private_key_id", false);
  const std::string uri = members.url("token_uri", kTokenUri);
  if (!members.problem().empty())
    return wrong(members.problem());
  absl::StatusOr<SigningKey> key = SigningKey::parse(pem);
  if (!key.ok())
    return key.status();
  return Credentials{ServiceAccount{email, id, *std::move(key), uri}, ""};
}

absl::StatusOr<Credentials> authorized_user(const json& object) {
  Members members(object);
  AuthorizedUser user;
  user.client_id = members.text("client_id");
  user.client_secret = members.text("client_secret");
  user.refresh_token = members.text("refresh_token");
  user.token_uri = members.url("token_uri", kTokenUri);
  if (!members.problem().empty())
    return wrong(members.problem());
  return Credentials{std::move(user), ""};
}

// Where the subject token of a federation comes from; what is wrong with it, or nothing.
std::string read_source(const json& source, ExternalAccount& account) {
  Members members(source, "credential_source.");
  account.source_file = members.text("file", false);
  if (account.source_file.empty()) {
    if (!source.contains("url") || source.contains("environment_id"))
      return "credential_source has neither file nor url: other sources (AWS, executables) are not supported";
    account.source_url = members.url("url", nullptr);
  }
  if (source.contains("headers")) {
    const json& headers = source["headers"];
    if (!headers.is_object())
      return "credential_source.headers is not an object";
    for (const auto& [name, value] : headers.items()) {
      if (!value.is_string())
        return "credential_source.headers is not an object of strings";
      account.source_headers[name] = value.get<std::string>();
    }
  }
  if (source.contains("format") && source["format"].is_object() && source["format"].value("type", "text") == "json") {
    Members format(source["format"], "credential_source.format.");
    account.source_member = format.text("subject_token_field_name");
    if (!format.problem().empty())
      return format.problem();
  }
  return members.problem();
}

absl::StatusOr<Credentials> external_account(const json& object) {
  Members members(object);
  ExternalAccount account;
  account.audience = members.text("audience");
  account.subject_token_type = members.text("subject_token_type");
  account.token_url = members.url("token_url", "https://sts.googleapis.com/v1/token");
  account.impersonation_url = members.url("service_account_impersonation_url", "");
  account.client_id = members.text("client_id", false);
  account.client_secret = members.text("client_secret", false);
  if (!members.problem().empty())
    return wrong(members.problem());
  if (!object.contains("credential_source") || !object["credential_source"].is_object())
    return wrong("credential_source is missing");
  const std::string problem = read_source(object["credential_source"], account);
  if (!problem.empty())
    return wrong(problem);
  const json impersonation = object.value("service_account_impersonation", json::object());
  if (impersonation.is_object() && impersonation.contains("token_lifetime_seconds")) {
    const json& seconds = impersonation["token_lifetime_seconds"];
    if (!seconds.is_number_integer() || seconds.get<std::int64_t>() < 600 || seconds.get<std::int64_t>() > 43200)
      return wrong("service_account_impersonation.token_lifetime_seconds is not a number from 600 to 43200");
    account.impersonation_seconds = seconds.get<std::int64_t>();
  }
  return Credentials{std::move(account), ""};
}

}  // namespace

absl::StatusOr<Credentials> parse_credentials(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object())
    return wrong("it is not a JSON object");
  Members members(object);
  const std::string type = members.text("type");
  if (!members.problem().empty())
    return wrong(members.problem());
  absl::StatusOr<Credentials> credentials = wrong(fmt::format(
      "its type \"{}\" is not supported; supported are service_account, authorized_user and external_account", type));
  if (type == "service_account")
    credentials = service_account(object);
  if (type == "authorized_user")
    credentials = authorized_user(object);
  if (type == "external_account")
    credentials = external_account(object);
  if (credentials.ok())
    credentials->quota_project = members.text("quota_project_id", false);
  return credentials;
}

absl::StatusOr<Credentials> find_credentials(const std::string& configured) {
  std::string file = configured;
  const char* variable = std::getenv("GOOGLE_APPLICATION_CREDENTIALS");
  if (file.empty() && variable != nullptr)
    file = variable;
  if (file.empty()) {
    const char* host = std::getenv("GCE_METADATA_HOST");
    return Credentials{MetadataServer{host != nullptr && *host != '\0' ? host : kMetadataHost}, ""};
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return wrong(fmt::format("the file {} cannot be read", file));
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  absl::StatusOr<Credentials> credentials = parse_credentials(text);
  if (!credentials.ok())
    return wrong(fmt::format("the file {}: {}", file, std::string(credentials.status().message())));
  return credentials;
}

}  // namespace tollgate::gcp
