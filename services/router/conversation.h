// Which conversation a request goes on with, so that it can stay with the provider whose prompt cache it has filled.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "services/router/request_scan.h"
#include "tollgate/v1/messages.pb.h"

namespace tollgate::router {

struct Conversation {
  // Equal for the requests of one conversation; no secret, and not to be shown.
  std::string id;
  // The client has named it. Otherwise it is guessed from the prompt, and two conversations that begin alike are one.
  bool named = false;
};

using Headers = google::protobuf::RepeatedPtrField<v1::Header>;

// By the first of: the body's `session_id`, the headers x-session-id and x-claude-code-session-id, the session in
// `metadata.user_id`, and the beginnings of the first system and the first user message. Errors (KIND_INVALID_REQUEST):
// a header that is longer than 256 bytes.
absl::StatusOr<Conversation> conversation_of(const RequestScan& scan, std::string_view body, const Headers& headers);

// The session that the client has named, by the first three of these; empty when it has named none.
std::string session_of(const RequestScan& scan, std::string_view body, const Headers& headers);

// The value of a header (any case); empty when there is none.
std::string_view header_value(const Headers& headers, std::string_view name);

}  // namespace tollgate::router
