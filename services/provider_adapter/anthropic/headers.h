// Which headers pass between the client and an upstream: all but the named ones, since clients and upstreams add new
// ones that the other side needs.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <boost/beast/http/fields.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provider_adapter/http/url.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::anthropic {

// Appends the end-to-end headers of a response, in their order. Not among them: hop-by-hop ones, content-length,
// content-encoding (there is none left), cookies, and what speaks of the upstream's host (server, date, via, alt-svc,
// strict-transport-security).
void copy_response_headers(const boost::beast::http::fields& headers,
                           google::protobuf::RepeatedPtrField<v1::Header>& out);

// No control characters: what may stand behind the colon of a header.
bool is_header_value(std::string_view text);

bool has_header(const google::protobuf::RepeatedPtrField<v1::Header>& headers, std::string_view name);
// The first value; empty when there is none.
std::string_view header_of(const google::protobuf::RepeatedPtrField<v1::Header>& headers, std::string_view name);

// Where a request goes, and what the gateway says in its own name.
struct Target {
  std::string_view method = "POST";
  // With the prefix of the upstream's URL, and the query.
  std::string path;
  // Credentials and the like; each takes the place of any that the client sent under its name.
  std::vector<std::pair<std::string, std::string>> headers;
  // Of the client's, those that this upstream does not get as headers; in lower case.
  std::vector<std::string_view> dropped;
  // anthropic-version is added where it is missing.
  bool add_version = true;
};

// The head of a request: the client's end-to-end headers in their order, our credentials in place of any it had,
// identity as the only encoding; content-type is added where it is missing. Fails on a header that is not one (a line
// break in its value): it would become a second request.
absl::StatusOr<std::string> request_head(const Target& target, const upstream::Url& url,
                                         const google::protobuf::RepeatedPtrField<v1::Header>& headers,
                                         std::uint64_t content_length);

}  // namespace tollgate::anthropic
