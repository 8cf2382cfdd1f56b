// W3C's trace context: which trace a request belongs to. Pure.
// Source: https://www.w3.org/TR/trace-context/
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tollgate/v1/failure.pb.h"

namespace tollgate {

inline constexpr std::string_view kTraceparent = "traceparent";
inline constexpr std::string_view kTracestate = "tracestate";

struct TraceContext {
  // 32 and 16 lower-case hex digits, not all zero.
  std::string trace_id;
  std::string span_id;
  // Sampled (1), random trace id (2). Others are not known and not passed on.
  std::uint8_t flags = 0;
  // As it came; empty: none.
  std::string state;

  std::string traceparent() const;
};

// Version 00 strictly; of a later version the part that this one defines. Nothing for what is malformed.
std::optional<TraceContext> parse_traceparent(std::string_view value);

// What may be passed on of a tracestate's values, in their order: all of it, or nothing when it is malformed, has more
// than 32 members or is longer than 512 characters.
std::string joined_tracestate(const std::vector<std::string_view>& values);

// The context that a request is served in: of the trace that its headers name, or of a new one (sampled, so that what
// stands behind records it) when they name none, a malformed one or several. The span is a new one: the gateway's.
TraceContext enter_trace(const std::vector<std::string_view>& traceparents,
                         const std::vector<std::string_view>& tracestates);

using TraceHeaders = google::protobuf::RepeatedPtrField<v1::Header>;

// The same for headers that carry it (any case), which carry the result then, once.
TraceContext enter_trace(TraceHeaders& headers);
// Puts it in the place of what they carry.
void set_trace(const TraceContext& trace, TraceHeaders& headers);
void remove_trace(TraceHeaders& headers);
// They carry one that is well-formed.
bool carries_trace(const TraceHeaders& headers);
// That one, with lower-case names: metadata for a call between processes. Empty when there is none.
std::vector<std::pair<std::string, std::string>> trace_of(const TraceHeaders& headers);

}  // namespace tollgate
