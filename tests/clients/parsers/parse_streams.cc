// Reads streams and prints what our parsers find in them, so that it can be compared with what the clients' own find.
// One JSON object a line: {"kind": "sse" | "aws", "bytes": base64, "split": bytes of one piece}. The answer, a line
// each: an array of events, the last of which is null when the stream is broken. An event of SSE is [name, data], of
// AWS {"headers": {name: string}, "payload": base64}.
#include <iostream>
#include <nlohmann/json.hpp>

#include "services/provider_adapter/aws/base64.h"
#include "services/provider_adapter/aws/event_frames.h"
#include "services/provider_adapter/sse/scanner.h"

namespace {

using nlohmann::json;

json sse_events(const std::string& bytes, std::size_t split) {
  json events = json::array();
  tollgate::sse::Scanner scanner;
  std::string window;
  const auto visit = [&events](const tollgate::sse::Event& event) {
    events.push_back({std::string(event.name), std::string(event.data)});
  };
  for (std::size_t at = 0; at < bytes.size(); at += split) {
    window.append(bytes, at, split);
    scanner.scan(window, at + split >= bytes.size(), visit);
    const std::size_t done = scanner.end();
    scanner.consume(done);
    window.erase(0, done);
  }
  return events;
}

json aws_events(const std::string& bytes, std::size_t split) {
  using Result = tollgate::aws::EventFrames::Result;
  json events = json::array();
  tollgate::aws::EventFrames frames;
  for (std::size_t at = 0; at < bytes.size(); at += split) {
    frames.push(std::string_view(bytes).substr(at, split));
    tollgate::aws::EventFrame frame;
    for (Result result; (result = frames.next(frame)) != Result::kMore;) {
      if (result == Result::kBroken) {
        events.push_back(nullptr);
        return events;
      }
      json headers = json::object();
      for (const auto& header : frame.headers)
        headers[std::string(header.name)] = std::string(header.bytes);
      events.push_back({{"headers", headers}, {"payload", tollgate::aws::base64(frame.payload)}});
    }
  }
  if (frames.partial())
    events.push_back(nullptr);
  return events;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const json stream = json::parse(line);
    const std::string bytes = tollgate::aws::from_base64(stream.at("bytes").get<std::string>()).value();
    const std::size_t split = stream.at("split");
    const json events = stream.at("kind") == "sse" ? sse_events(bytes, split) : aws_events(bytes, split);
    std::cout << events.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
}
