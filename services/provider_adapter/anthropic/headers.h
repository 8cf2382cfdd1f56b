// Which headers pass between the client and an upstream: all but the named ones, since clients and upstreams add new
// ones that the other side needs.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <boost/beast/http/fields.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/common/config/config.h"
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

// The head of a request to `path` below the upstream's URL: the client's end-to-end headers in their order, our
// credentials in place of any it had, identity as the only encoding. anthropic-version and content-type are added where
// they are missing. A request with anthropic-beta goes to `path`?beta=true, as the client libraries do it. `path` has
// no query of its own then. Fails on a header that is not one (a line break in its value): it would become a second
// request.
absl::StatusOr<std::string> request_head(std::string_view method, std::string_view path, const UpstreamConfig& config,
                                         const upstream::Url& url,
                                         const google::protobuf::RepeatedPtrField<v1::Header>& headers,
                                         std::uint64_t content_length);

}  // namespace tollgate::anthropic
