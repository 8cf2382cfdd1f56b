// A request body as the pieces that a gathered write takes: slices of the client's body and of the edits, no copy.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::upstream {

struct Body {
  // None is empty. They point into what they were made from.
  std::vector<std::string_view> pieces;
  std::uint64_t size = 0;
};

// Fails (internal) when the edits overlap, descend or leave the body.
absl::StatusOr<Body> splice(std::string_view body, const google::protobuf::RepeatedPtrField<v1::Edit>& edits);

}  // namespace tollgate::upstream
