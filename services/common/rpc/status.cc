#include "services/common/rpc/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/status.pb.h"

namespace tollgate {
namespace {

std::string cut(absl::string_view text) {
  if (text.size() <= kMaxStatusTextBytes)
    return std::string(text);
  std::size_t size = kMaxStatusTextBytes;
  constexpr unsigned char continuation = 0x80;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == continuation)
    --size;
  return std::string(text.substr(0, size));
}

}  // namespace

grpc::Status to_grpc(const absl::Status& status) {
  if (status.ok())
    return grpc::Status::OK;
  google::rpc::Status details;
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    google::protobuf::Any* any = details.add_details();
    any->set_type_url(std::string(type_url));
    any->set_value(std::string(payload));
  });
  const auto code = static_cast<grpc::StatusCode>(status.code());
  std::string text = cut(status.message());
  if (details.details().empty())
    return grpc::Status(code, text);
  details.set_code(static_cast<int>(status.code()));
  details.set_message(text);
  std::string bytes = details.SerializeAsString();
  if (bytes.size() > kMaxStatusDetailsBytes)
    return grpc::Status(code, text);
  return grpc::Status(code, text, bytes);
}

absl::Status from_grpc(const grpc::Status& status) {
  if (status.ok())
    return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details())
      out.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return out;
}

}  // namespace tollgate
