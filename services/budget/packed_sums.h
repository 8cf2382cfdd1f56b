// Sums and texts as the scripts pack them (cmsgpack, the MessagePack format). Pure.
// Source: https://github.com/msgpack/msgpack/blob/master/spec.md
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "tollgate/v1/activity.pb.h"

namespace tollgate {

// What one request adds.
v1::ActivitySums sums_of(const v1::ActivityRecord& record);
void add_sums(v1::ActivitySums& sums, const v1::ActivitySums& more);

// All of them, one after the other in the order of ActivitySums.
std::string pack_sums(const v1::ActivitySums& sums);
// Empty when `packed` is something else.
std::optional<v1::ActivitySums> unpack_sums(std::string_view packed);

// Each at most 64 KB.
std::string pack_texts(std::initializer_list<std::string_view> texts);

}  // namespace tollgate
