#include "services/common/telemetry/trace_context.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <random>
#include <set>

namespace tollgate {
namespace {

// 00-<32>-<16>-<2>
constexpr std::size_t kLength = 55;
constexpr std::size_t kMostStateBytes = 512;
constexpr std::size_t kMostMembers = 32;
constexpr std::uint8_t kSampled = 1;
constexpr std::uint8_t kKnownFlags = 3;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::uint8_t value_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<std::uint8_t>(digit(hex[0]) * 16 + digit(hex[1]));
}

std::uint64_t random_bits() {
  // Ids need to be different, not secret.
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  std::uint64_t bits = 0;
  while (bits == 0)
    bits = engine();
  return bits;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// lcalpha or digit, then up to 255 of those and _-*/@.
bool is_state_key(std::string_view key) {
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !key.empty() && key.size() <= 256 && is_first(key[0]) && std::all_of(key.begin(), key.end(), [&](char c) {
    return is_first(c) || std::string_view("_-*/@").find(c) != std::string_view::npos;
  });
}

// Up to 256 printable ones but for comma and equals sign. Blanks at its end are already gone.
bool is_state_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

bool named(const v1::Header& header, std::string_view name) {
  return header.name().size() == name.size() && strncasecmp(header.name().data(), name.data(), name.size()) == 0;
}

std::vector<std::string_view> values_of(const TraceHeaders& headers, std::string_view name) {
  std::vector<std::string_view> values;
  for (const v1::Header& header : headers) {
    if (named(header, name))
      values.push_back(header.value());
  }
  return values;
}

void add_header(std::string_view name, std::string value, TraceHeaders& headers) {
  v1::Header& header = *headers.Add();
  header.set_name(name.data(), name.size());
  header.set_value(std::move(value));
}

}  // namespace

std::string TraceContext::traceparent() const {
  return fmt::format("00-{}-{}-{:02x}", trace_id, span_id, flags);
}

std::optional<TraceContext> parse_traceparent(std::string_view value) {
  if (value.size() < kLength)
    return std::nullopt;
  const std::string_view version = value.substr(0, 2);
  if (!is_hex(version) || version == "ff")
    return std::nullopt;
  // A later version may go on behind it, with a hyphen.
  if (value.size() > kLength && (version == "00" || value[kLength] != '-'))
    return std::nullopt;
  const std::string_view trace = value.substr(3, 32);
  const std::string_view span = value.substr(36, 16);
  const std::string_view flags = value.substr(53, 2);
  if (value[2] != '-' || value[35] != '-' || value[52] != '-' || !is_id(trace) || !is_id(span) || !is_hex(flags))
    return std::nullopt;
  TraceContext context;
  context.trace_id = trace;
  context.span_id = span;
  context.flags = value_of(flags) & kKnownFlags;
  return context;
}

std::string joined_tracestate(const std::vector<std::string_view>& values) {
  std::string joined;
  std::set<std::string_view> keys;
  for (const std::string_view value : values) {
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      const std::string_view member = trimmed(value.substr(begin, end - begin));
      begin = end + 1;
      // An empty one is allowed, and says nothing.
      if (member.empty())
        continue;
      const auto equals = member.find('=');
      const std::string_view key = member.substr(0, equals);
      if (equals == std::string_view::npos || !is_state_key(key) || !is_state_value(member.substr(equals + 1)) ||
          !keys.insert(key).second)
        return {};
      joined.append(joined.empty() ? "" : ",").append(member);
    }
  }
  return keys.size() <= kMostMembers && joined.size() <= kMostStateBytes ? joined : std::string();
}

TraceContext enter_trace(const std::vector<std::string_view>& traceparents,
                         const std::vector<std::string_view>& tracestates) {
  TraceContext trace;
  std::optional<TraceContext> parent;
  if (traceparents.size() == 1)
    parent = parse_traceparent(traceparents[0]);
  if (parent) {
    trace = *std::move(parent);
    trace.state = joined_tracestate(tracestates);
  } else {
    trace.trace_id = fmt::format("{:016x}{:016x}", random_bits(), random_bits());
    trace.flags = kSampled;
  }
  trace.span_id = fmt::format("{:016x}", random_bits());
  return trace;
}

TraceContext enter_trace(TraceHeaders& headers) {
  TraceContext trace = enter_trace(values_of(headers, kTraceparent), values_of(headers, kTracestate));
  set_trace(trace, headers);
  return trace;
}

void set_trace(const TraceContext& trace, TraceHeaders& headers) {
  remove_trace(headers);
  add_header(kTraceparent, trace.traceparent(), headers);
  if (!trace.state.empty())
    add_header(kTracestate, trace.state, headers);
}

void remove_trace(TraceHeaders& headers) {
  int kept = 0;
  for (int i = 0; i < headers.size(); ++i) {
    if (!named(headers.Get(i), kTraceparent) && !named(headers.Get(i), kTracestate))
      headers.SwapElements(kept++, i);
  }
  headers.DeleteSubrange(kept, headers.size() - kept);
}

bool carries_trace(const TraceHeaders& headers) {
  const std::vector<std::string_view> parents = values_of(headers, kTraceparent);
  return parents.size() == 1 && parse_traceparent(parents[0]);
}

std::vector<std::pair<std::string, std::string>> trace_of(const TraceHeaders& headers) {
  std::vector<std::pair<std::string, std::string>> trace;
  if (!carries_trace(headers))
    return trace;
  trace.emplace_back(kTraceparent, values_of(headers, kTraceparent)[0]);
  std::string state = joined_tracestate(values_of(headers, kTracestate));
  if (!state.empty())
    trace.emplace_back(kTracestate, std::move(state));
  return trace;
}

}  // namespace tollgate
