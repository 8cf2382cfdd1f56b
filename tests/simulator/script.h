// Scripted answers: a queue of steps, each used for the first request that it fits.
//
// POST /_sim/script takes one step or an array of them. A step is an object; every member may be left out:
//   match             {path, model, header: {name: value}}; path without its query. All must fit; empty: any request.
//   repeat            how many requests it answers, default 1; 0: all
//   status            default 200
//   headers           {name: value} or [[name, value], ...]; a name that the answer has already is replaced
//   body              string, sent as it is, or a JSON value; body_base64: any bytes
//   message           text of an error in the API's envelope, type by status
//   sse               array of events; an event is an object with `type` (sent as `event: TYPE` and `data: ...`),
//                     a string (sent as it is), or {event | raw, delay_ms, repeat}
//   delay_ms          pause before each event that has none of its own
//   first_byte_delay_ms  pause before the response's head
//   chunking          "whole", "byte" or a number: body bytes of one write, and of one chunk
//   framing           "length", "chunked" or "close"; default: chunked for sse
//   break             {how: "reset" | "close" | "stall" | "garbage", after_bytes | after_event | before_head}
//   no_response       true: never anything
// A step with no status, body, message and sse shapes the answer that the simulator would have given.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulator/reply.h"

namespace tollgate::simulator {

// A reply in which only what the script names is set.
struct Step {
  std::string path;
  std::string model;
  Headers match_headers;
  std::uint64_t repeat = 1;

  std::optional<unsigned> status;
  std::string message;
  Headers headers;
  // Body or events; null: the default answer.
  std::optional<std::vector<Piece>> body;
  bool sse = false;
  Usage usage;
  bool billable = false;
  std::string message_id;
  std::optional<milliseconds> piece_delay;
  milliseconds head_delay{0};
  std::size_t write_size = 0;
  std::optional<Reply::Framing> framing;
  std::optional<Break> broken;
  bool no_response = false;

  // The whole answer stands in the script.
  bool replaces() const { return status || body || !message.empty(); }
};

// Parses the body of POST /_sim/script. Empty with `error` set: it names the member that is wrong.
std::vector<Step> parse_script(std::string_view json, std::string& error);

// What the step answers: `given` is the default answer, used if the step does not replace it.
Reply apply(const Step& step, Reply given);

// Any thread.
class Script {
 public:
  void append(std::vector<Step> steps);
  void clear();
  std::size_t size() const;
  // The first step that fits, used once.
  std::optional<Step> take(const Request& request);

 private:
  mutable std::mutex mutex_;
  std::list<Step> steps_;
  // Read without the lock, so that unscripted load does not take it.
  std::atomic<std::size_t> size_{0};
};

}  // namespace tollgate::simulator
