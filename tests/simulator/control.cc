#include "tests/simulator/control.h"

#include <fmt/format.h>

#include "tests/simulator/api.h"
#include "tests/simulator/simulator.h"

namespace tollgate::simulator {
namespace {

Reply json(std::string body) {
  Reply reply;
  reply.headers.emplace_back("content-type", "application/json");
  reply.body.push_back({std::move(body)});
  return reply;
}

std::string stats(const Shared& shared) {
  return fmt::format(
      R"({{"connections":{},"connections_opened":{},"active":{},"streams":{},"requests":{},"scripted":{}}})",
      shared.connections.load(), shared.connections_opened.load(), shared.active.load(), shared.streams.load(),
      shared.journal.total(), shared.script.size());
}

}  // namespace

bool is_control(const Request& request) {
  return request.target.starts_with("/_sim/");
}

Reply handle_control(const Request& request, Shared& shared) {
  std::string_view path = request.path();
  bool post = request.method == "POST";
  if (path == "/_sim/script" && post) {
    std::string error;
    std::vector<Step> steps = parse_script(request.body, error);
    if (!error.empty())
      return error_reply(400, error);
    shared.script.append(std::move(steps));
    return json(R"({"ok":true})");
  }
  if (path == "/_sim/reset" && post) {
    shared.script.clear();
    shared.journal.clear();
    return json(R"({"ok":true})");
  }
  if (path == "/_sim/vertex" && post)
    return shared.vertex.control(request);
  if (path == "/_sim/requests" && !post)
    return json(shared.journal.requests_json());
  if (path == "/_sim/billed" && !post)
    return json(shared.journal.billed_json());
  if (path == "/_sim/stats" && !post)
    return json(stats(shared));
  return error_reply(404,
                     "no such control: use POST /_sim/script, POST /_sim/reset, GET /_sim/requests, GET "
                     "/_sim/billed or GET /_sim/stats");
}

}  // namespace tollgate::simulator
