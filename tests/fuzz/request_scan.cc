// What a request is read as: places that lie in it, members that can be cut out, and the same request without them.
#include "services/router/request_scan.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "services/router/prompt_traits.h"
#include "services/router/server_tools.h"
#include "tests/fuzz/must.h"

using tollgate::fuzz::must;
using namespace tollgate::router;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const PromptTraits traits = prompt_traits(bytes);
  std::string body(bytes);
  const auto scan = scan_request(body);
  must(body == bytes, "the body stays as it is");
  if (!scan.ok())
    return 0;
  const auto inside = [&](const Span& span) { return span.offset <= size && span.length <= size - span.offset; };
  must(inside(scan->model_value) && inside(scan->tools), "places lie in the body");
  must(scan->model_value.length >= 2 && bytes[scan->model_value.offset] == '"', "the model is a string");
  server_tools(bytes.substr(scan->tools.offset, scan->tools.length), traits, scan->mcp_servers);

  std::string cut;
  std::size_t at = 0;
  for (const Span& span : scan->removed) {
    must(inside(span) && span.offset >= at, "cuts ascend");
    cut += bytes.substr(at, span.offset - at);
    at = span.offset + span.length;
  }
  cut += bytes.substr(at);
  const auto again = scan_request(cut);
  must(again.ok(), "what is left is a request");
  must(again->removed.empty(), "and has none of the router's own members");
  must(again->model == scan->model && again->max_tokens == scan->max_tokens && again->stream == scan->stream,
       "and means the same");
  return 0;
}
