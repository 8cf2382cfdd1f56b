// Requests whose framing two servers might read in two ways, each with the status that refuses it. Nothing behind such
// a head may be believed.
#pragma once

#include <string>
#include <vector>

namespace tollgate {

struct HostileRequest {
  std::string name;
  // From the request line on; a body, where there is one, included.
  std::string bytes;
  unsigned status;
};

// Refused for their head.
std::vector<HostileRequest> hostile_heads();

// With a good head and `Transfer-Encoding: chunked`, refused for their body.
std::vector<HostileRequest> hostile_chunked_bodies();

// The same bodies without their heads.
std::vector<HostileRequest> hostile_chunks();

}  // namespace tollgate
