// Which headers pass the edge. The lists name what does not; everything else is end-to-end and passes unchanged, known
// or not: clients and upstreams agree on headers that a gateway need not understand.
// Source: RFC 9110, section 7.6.1 (hop-by-hop).
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "gateway/request_head.h"
#include "tollgate/v1/failure.pb.h"

namespace tollgate {

using HeaderList = google::protobuf::RepeatedPtrField<v1::Header>;

// The request headers that go on: not hop-by-hop ones, Host, framing, Accept-Encoding, credentials, cookies and what
// other proxies say about the client.
void forward_request_headers(const RequestHead& head, HeaderList& out);

// Appends `name: value\r\n` for each header of an upstream that goes to the client: not hop-by-hop ones, framing,
// cookies, and what only the upstream's own host can say of itself. A header that would break the response apart is
// dropped.
void append_response_headers(const HeaderList& headers, std::string& out);

// The value of a header (any case); empty when there is none.
std::string_view find_header(const HeaderList& headers, std::string_view name);

}  // namespace tollgate
