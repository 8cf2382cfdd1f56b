#include "services/provider_adapter/http/body.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"

namespace tollgate::upstream {

absl::StatusOr<Body> splice(std::string_view body, const google::protobuf::RepeatedPtrField<v1::Edit>& edits) {
  Body result;
  result.pieces.reserve(2 * edits.size() + 1);
  const auto add = [&result](std::string_view piece) {
    if (piece.empty())
      return;
    result.pieces.push_back(piece);
    result.size += piece.size();
  };
  std::uint64_t done = 0;
  for (const v1::Edit& edit : edits) {
    if (edit.offset() < done || edit.offset() > body.size() || edit.length() > body.size() - edit.offset()) {
      return error(v1::Failure::KIND_INTERNAL,
                   fmt::format("Edit of {} bytes at {} does not fit a body of {} bytes edited up to {}.", edit.length(),
                               edit.offset(), body.size(), done));
    }
    add(body.substr(done, edit.offset() - done));
    add(edit.replacement());
    done = edit.offset() + edit.length();
  }
  add(body.substr(done));
  return result;
}

}  // namespace tollgate::upstream
