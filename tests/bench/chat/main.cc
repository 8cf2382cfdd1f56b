// What the translation of chat completions costs: a request of a long tool session, and an event of a stream.
//   tollgate-bench-chat [rounds]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "gateway/openai/chat_stream.h"
#include "services/common/base/json_writer.h"

namespace tollgate::chat {
namespace {

constexpr int kTurns = 60;
constexpr int kEvents = 1000;

// Of about 186 KB, as coding agents send them: a result of 3 KB for each call.
std::string session_request() {
  std::string file;
  for (int line = 0; line < 100; ++line)
    file += fmt::format("{:4}\tint main() {{ return {}; }}\n", line, line);
  std::string body;
  JsonWriter json(body);
  json.begin_object().member("model", "m").member("stream", true).member("max_tokens", 100);
  json.key("messages").begin_array();
  json.begin_object().member("role", "system").member("content", "You are a tool.").end_object();
  json.begin_object().member("role", "user").member("content", "Do it.").end_object();
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::string id = fmt::format("toolu_{:024}", turn);
    json.begin_object().member("role", "assistant").key("content").null().key("tool_calls").begin_array();
    json.begin_object().member("id", id).member("type", "function").key("function").begin_object();
    json.member("name", "read").member("arguments", R"({"path": "/src/main.cc", "offset": 100})");
    json.end_object().end_object().end_array().end_object();
    json.begin_object().member("role", "tool").member("tool_call_id", id).member("content", file).end_object();
  }
  json.end_array().end_object();
  return body;
}

std::vector<std::string> stream_events() {
  std::vector<std::string> events = {
      R"({"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":3}}})",
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"};
  for (int event = 0; event < kEvents; ++event)
    events.push_back(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a few words "}})");
  events.push_back(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}})");
  events.push_back(R"({"type":"message_stop"})");
  for (std::string& event : events)
    event = "event: x\ndata: " + event + "\n\n";
  return events;
}

// CPU time: the machine may be busy with other things.
double now_us() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

template <class Work>
double median_us(int rounds, Work work) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const double begin = now_us();
    work();
    times.push_back(now_us() - begin);
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds) / 2];
}

void run(int rounds) {
  const std::string request = session_request();
  std::size_t size = 0;
  const ModelTraits traits = cautious_traits();
  const double request_us =
      median_us(rounds, [&] { size += ChatRequest::read(request)->messages_body(traits)->size(); });
  fmt::print("request of {} KB: {:.0f} us\n", request.size() / 1000, request_us);

  const std::vector<std::string> events = stream_events();
  const double stream_us = median_us(rounds, [&] {
    ChatStream stream({.stream = true}, {.id = "gen-1764000000-0123456789abcdefghij", .model = "m", .created = 1});
    for (const std::string& event : events) {
      std::string out;
      stream.push(event, out);
      size += out.size();
    }
  });
  fmt::print("event: {:.2f} us\n", stream_us / static_cast<double>(events.size()));
  if (size == 0)
    std::abort();
}

}  // namespace
}  // namespace tollgate::chat

int main(int argc, char** argv) {
  tollgate::chat::run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 200);
}
