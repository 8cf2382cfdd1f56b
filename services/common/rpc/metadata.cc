#include "services/common/rpc/metadata.h"

#include <strings.h>

#include <algorithm>
#include <string_view>

#include "services/common/access/credentials.h"
#include "services/common/base/errors.h"
#include "services/common/telemetry/trace_context.h"

namespace tollgate {
namespace {

constexpr std::string_view kApiKey = "x-api-key";
constexpr std::string_view kAuthorization = "authorization";
constexpr std::string_view kUserAgent = "user-agent";

std::string_view view(grpc::string_ref text) {
  return std::string_view(text.data(), text.size());
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// The credential in one entry; empty when the entry is none.
std::string_view credential_in(std::string_view name, std::string_view value) {
  if (name == kApiKey)
    return value;
  return name == kAuthorization ? bearer_token(value) : std::string_view();
}

// Among the first `count` headers.
bool carries(const v1::CreateRequest& request, int count, std::string_view name) {
  for (int i = 0; i < count; ++i) {
    if (equal_ignoring_case(request.headers(i).name(), name))
      return true;
  }
  return false;
}

bool is_header(std::string_view name, bool with_user_agent) {
  // Binary metadata is gRPC's own kind.
  if (name == kApiKey || name.ends_with("-bin"))
    return false;
  return name.starts_with("anthropic-") || name.starts_with("x-") || name == kTraceparent || name == kTracestate ||
         (with_user_agent && name == kUserAgent);
}

}  // namespace

absl::StatusOr<std::string> key_from_metadata(const Metadata& metadata) {
  std::string_view key;
  for (const auto& [name, value] : metadata) {
    const std::string_view candidate = credential_in(view(name), view(value));
    const bool ours = candidate.starts_with(kKeyPrefix);
    if (ours && key.starts_with(kKeyPrefix) && candidate != key) {
      return error(
          v1::Failure::KIND_UNAUTHENTICATED,
          "The call carries two different Tollgate keys. Send one, as `authorization: Bearer` or as `x-api-key`.");
    }
    if (ours || key.empty())
      key = candidate;
  }
  return std::string(key);
}

absl::Status merge_metadata(const Metadata& metadata, v1::CreateRequest& request) {
  const bool own_caller = request.api_key().empty();
  const absl::Status status = merge_key(metadata, request);
  if (!status.ok())
    return status;
  // Judged against the request as it came: a name that stands twice in the metadata is taken twice.
  const int carried = request.headers_size();
  for (const auto& [name, value] : metadata) {
    if (!is_header(view(name), own_caller) || carries(request, carried, view(name)))
      continue;
    v1::Header* header = request.add_headers();
    header->set_name(std::string(view(name)));
    header->set_value(std::string(view(value)));
  }
  // Another process of the house has entered it already.
  if (own_caller || !carries_trace(request.headers()))
    enter_trace(*request.mutable_headers());
  return absl::OkStatus();
}

}  // namespace tollgate
