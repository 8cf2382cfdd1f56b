#include "services/provider_adapter/anthropic/headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/rfc7230.hpp>
#include <vector>

#include "services/common/base/errors.h"

namespace tollgate::anthropic {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

// Of one connection only (RFC 9110, 7.6.1), both ways.
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade"};
// Made anew for each upstream, credentials of the client, or about the way the request came.
constexpr std::array<std::string_view, 10> kNotSent = {"host",      "content-length", "accept-encoding", "expect",
                                                       "x-api-key", "authorization",  "cookie",          "forwarded",
                                                       "via",       "x-real-ip"};
constexpr std::array<std::string_view, 8> kNotReturned = {
    "content-length", "set-cookie", "set-cookie2", "server", "via", "alt-svc", "strict-transport-security", "date"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view other) { return iequals(other, name); });
}

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
  });
}

}  // namespace

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

namespace {

// Adds the names that a Connection header declares as its own.
void add_connection_names(std::string_view value, std::vector<std::string>& names) {
  for (const auto& token : http::token_list(boost::beast::string_view(value.data(), value.size())))
    names.emplace_back(token.data(), token.size());
}

bool names_hold(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& other) { return iequals(other, name); });
}

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

void copy_response_headers(const http::fields& headers, google::protobuf::RepeatedPtrField<v1::Header>& out) {
  std::vector<std::string> declared;
  for (const auto& field : headers) {
    if (field.name() == http::field::connection)
      add_connection_names(view(field.value()), declared);
  }
  for (const auto& field : headers) {
    const std::string_view name = view(field.name_string());
    if (is_in(kHopByHop, name) || is_in(kNotReturned, name) || names_hold(declared, name) ||
        iequals(name, "content-encoding"))
      continue;
    v1::Header* header = out.Add();
    header->set_name(std::string(name));
    header->set_value(std::string(view(field.value())));
  }
}

bool has_header(const google::protobuf::RepeatedPtrField<v1::Header>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [name](const v1::Header& header) { return iequals(header.name(), name); });
}

std::string_view header_of(const google::protobuf::RepeatedPtrField<v1::Header>& headers, std::string_view name) {
  for (const v1::Header& header : headers) {
    if (iequals(header.name(), name))
      return header.value();
  }
  return {};
}

absl::StatusOr<std::string> request_head(const Target& target, const upstream::Url& url,
                                         const google::protobuf::RepeatedPtrField<v1::Header>& headers,
                                         std::uint64_t content_length) {
  std::vector<std::string> declared;
  for (const v1::Header& header : headers) {
    if (!is_token(header.name()) || !is_header_value(header.value())) {
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("Header \"{}\" is not valid in HTTP: its name or its value holds a character that may "
                               "not be there.",
                               is_token(header.name()) ? header.name() : "?"));
    }
    if (iequals(header.name(), "connection"))
      add_connection_names(header.value(), declared);
  }
  std::string fields;
  fields.reserve(1024);
  const auto add = [&fields](std::string_view name, std::string_view value) {
    fields.append(name).append(": ").append(value).append("\r\n");
  };
  add("host", url.authority());
  bool has_version = false;
  bool has_type = false;
  const auto is_ours = [&target](std::string_view name) {
    const auto same = [name](const auto& other) { return iequals(other.first, name); };
    return std::any_of(target.headers.begin(), target.headers.end(), same) ||
           std::any_of(target.dropped.begin(), target.dropped.end(),
                       [name](std::string_view other) { return iequals(other, name); });
  };
  for (const v1::Header& header : headers) {
    const std::string_view name = header.name();
    constexpr std::string_view kForwarded = "x-forwarded-";
    if (iequals(name.substr(0, kForwarded.size()), kForwarded) || is_in(kHopByHop, name) || is_in(kNotSent, name) ||
        names_hold(declared, name) || is_ours(name))
      continue;
    has_version |= iequals(name, "anthropic-version");
    has_type |= iequals(name, "content-type");
    add(name, header.value());
  }
  if (target.add_version && !has_version)
    add("anthropic-version", "2023-06-01");
  add("accept-encoding", "identity");
  for (const auto& [name, value] : target.headers)
    add(name, value);
  if (target.method != "GET") {
    if (!has_type)
      add("content-type", "application/json");
    add("content-length", std::to_string(content_length));
  }
  std::string head;
  head.reserve(fields.size() + target.path.size() + 32);
  head.append(target.method).append(" ").append(target.path);
  head.append(" HTTP/1.1\r\n").append(fields).append("\r\n");
  return head;
}

}  // namespace tollgate::anthropic
