#include "gateway/forwarding.h"

#include <algorithm>
#include <array>
#include <vector>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

constexpr std::array<std::string_view, 8> kHopByHop = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"};

constexpr std::array<std::string_view, 11> kRequestOnly = {"host",      "content-length", "expect", "accept-encoding",
                                                           "x-api-key", "authorization",  "cookie", "cookie2",
                                                           "forwarded", "x-real-ip",      "via"};

constexpr std::array<std::string_view, 8> kResponseOnly = {
    "content-length", "date", "server", "set-cookie", "set-cookie2", "alt-svc", "strict-transport-security", "via"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view listed) { return equals_ignoring_case(listed, name); });
}

bool is_hop_by_hop(std::string_view name) {
  return contains(kHopByHop, name) || starts_with_ignoring_case(name, "proxy-");
}

// The headers that a `Connection` header takes for itself.
class ConnectionOptions {
 public:
  void add(std::string_view value) {
    for_each_element(value, [this](std::string_view option) { options_.push_back(option); });
  }
  bool contain(std::string_view name) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](std::string_view option) { return equals_ignoring_case(option, name); });
  }

 private:
  std::vector<std::string_view> options_;
};

}  // namespace

void forward_request_headers(const RequestHead& head, HeaderList& out) {
  ConnectionOptions options;
  for (const HeaderField& field : head.fields) {
    if (equals_ignoring_case(field.name, "connection"))
      options.add(field.value);
  }
  out.Reserve(static_cast<int>(head.fields.size()));
  for (const HeaderField& field : head.fields) {
    if (is_hop_by_hop(field.name) || contains(kRequestOnly, field.name) || options.contain(field.name) ||
        starts_with_ignoring_case(field.name, "x-forwarded-"))
      continue;
    v1::Header* header = out.Add();
    header->set_name(field.name.data(), field.name.size());
    header->set_value(field.value.data(), field.value.size());
  }
}

void append_response_headers(const HeaderList& headers, std::string& out) {
  ConnectionOptions options;
  for (const v1::Header& header : headers) {
    if (equals_ignoring_case(header.name(), "connection"))
      options.add(header.value());
  }
  for (const v1::Header& header : headers) {
    const std::string& name = header.name();
    const std::string& value = header.value();
    if (is_hop_by_hop(name) || contains(kResponseOnly, name) || options.contain(name))
      continue;
    if (!is_token(name) || !std::all_of(value.begin(), value.end(), is_field_char))
      continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

std::string_view find_header(const HeaderList& headers, std::string_view name) {
  for (const v1::Header& header : headers) {
    if (equals_ignoring_case(header.name(), name))
      return header.value();
  }
  return {};
}

}  // namespace tollgate
