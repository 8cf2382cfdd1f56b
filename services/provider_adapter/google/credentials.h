// Who the gateway is to Google: the JSON files that Google's own tools write, or the machine it runs on.
// Source: https://google.aip.dev/auth/4110
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "services/provider_adapter/google/jwt.h"

namespace tollgate::gcp {

// "service_account": a key of one's own signs for it.
struct ServiceAccount {
  std::string client_email;
  std::string private_key_id;
  SigningKey private_key;
  std::string token_uri;
};

// "authorized_user": what `gcloud auth application-default login` leaves.
struct AuthorizedUser {
  std::string client_id;
  std::string client_secret;
  std::string refresh_token;
  std::string token_uri;
};

// "external_account": workload identity federation.
struct ExternalAccount {
  std::string audience;
  std::string subject_token_type;
  std::string token_url;
  // Where the subject's token comes from: one of the two.
  std::string source_file;
  std::string source_url;
  std::map<std::string, std::string> source_headers;
  // The member of a JSON object that holds the token; empty: the token is all there is.
  std::string source_member;
  // Both empty, or HTTP Basic credentials.
  std::string client_id;
  std::string client_secret;
  // Empty: the federated token is used itself.
  std::string impersonation_url;
  std::int64_t impersonation_seconds = 3600;
};

// The machine's own service account.
struct MetadataServer {
  // host[:port]
  std::string host;
};

struct Credentials {
  std::variant<ServiceAccount, AuthorizedUser, ExternalAccount, MetadataServer> identity;
  // Sent as x-goog-user-project; empty: not sent.
  std::string quota_project;
};

// Reads such a file's contents; the error says which member is missing or wrong, and never what a secret is.
absl::StatusOr<Credentials> parse_credentials(std::string_view json);

// From `file`; empty: from the file that GOOGLE_APPLICATION_CREDENTIALS names, else the metadata server (at
// GCE_METADATA_HOST, where that is set). The error names the file.
absl::StatusOr<Credentials> find_credentials(const std::string& file);

}  // namespace tollgate::gcp
