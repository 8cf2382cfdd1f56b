// What translation costs: a request like Claude Code's to chat completions, an event of a stream back, and a whole
// answer. One thread, no sockets.
//   tollgate-bench-translation [seconds for each]
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "services/provider_adapter/openai/request.h"
#include "services/provider_adapter/openai/stream.h"
#include "services/provider_adapter/translation/token_estimate.h"
#include "tests/support/translation/chat_replay.h"

namespace tollgate {
namespace {

using nlohmann::json;

// About `bytes` of a session: tools, a long system prompt, turns with calls and results.
std::string session(std::size_t bytes) {
  json request = {{"model", "m"}, {"max_tokens", 32000}, {"stream", true}};
  const std::string page =
      "Reads a file.\n\"Quoted\", with a path: C:\\x and some more text that goes on for a while. ";
  std::string prompt;
  while (prompt.size() < bytes / 8)
    prompt += page;
  request["system"] = {{{"type", "text"}, {"text", prompt}, {"cache_control", {{"type", "ephemeral"}}}}};
  for (int i = 0; i < 20; ++i) {
    request["tools"].push_back({{"name", fmt::format("Tool{}", i)},
                                {"description", prompt.substr(0, bytes / 160)},
                                {"input_schema", {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}}}});
  }
  json& messages = request["messages"];
  messages.push_back({{"role", "user"}, {"content", "go"}});
  for (int i = 0; request.dump().size() < bytes; ++i) {
    const std::string id = fmt::format("call_{}", i);
    messages.push_back({{"role", "assistant"},
                        {"content",
                         {{{"type", "text"}, {"text", "Let me look."}},
                          {{"type", "tool_use"}, {"id", id}, {"name", "Tool1"}, {"input", {{"a", page}}}}}}});
    json result = {{"type", "tool_result"}, {"tool_use_id", id}, {"content", prompt.substr(0, 4000)}};
    messages.push_back({{"role", "user"}, {"content", json::array({result})}});
  }
  return request.dump();
}

std::string stream_of(int deltas) {
  std::string stream;
  for (int i = 0; i < deltas; ++i) {
    const json chunk = {
        {"id", "chatcmpl-1"},
        {"object", "chat.completion.chunk"},
        {"created", 1764000000},
        {"model", "m"},
        {"choices", {{{"index", 0}, {"delta", {{"content", " a few words"}}}, {"finish_reason", nullptr}}}}};
    stream.append("data: ").append(chunk.dump()).append("\n\n");
  }
  return stream.append(
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}

// Microseconds of processor time for one, whatever else the machine does.
template <class Work>
double time_of(double seconds, Work work) {
  const std::clock_t begin = std::clock();
  const auto limit = static_cast<std::clock_t>(seconds * CLOCKS_PER_SEC);
  std::int64_t count = 0;
  do {
    work();
    ++count;
  } while (std::clock() - begin < limit);
  return static_cast<double>(std::clock() - begin) * 1e6 / CLOCKS_PER_SEC / static_cast<double>(count);
}

void run(double seconds) {
  const auto table = openai::QuirkTable::make("openai", "");
  translation::RequestReader reader;
  for (const std::size_t bytes : {50'000u, 186'000u, 1'000'000u}) {
    const std::string body = session(bytes);
    const double read = time_of(seconds, [&] { (void)reader.read(body); });
    const double whole = time_of(seconds, [&] {
      const auto request = reader.read(body);
      (void)openai::chat_request(*request, {"up", "m", table->of("m"), test::test_envelopes()});
    });
    const double estimate = time_of(seconds, [&] { (void)translation::estimate_prompt(*reader.read(body)); }) - read;
    fmt::print(
        "request of {:>7} bytes: read {:7.1f} us, translated in all {:7.1f} us; estimate of its tokens {:7.1f} us\n",
        body.size(), read, whole, estimate);
  }
  constexpr int kDeltas = 1000;
  const std::string stream = stream_of(kDeltas);
  const openai::AnswerContext context = test::chat_context("openai");
  const double all = time_of(seconds, [&] { (void)test::replay_chat(context, stream, 0); });
  const double pieces = time_of(seconds, [&] { (void)test::replay_chat(context, stream, stream.size() / kDeltas); });
  fmt::print("event of a stream: {:.2f} us in one piece, {:.2f} us one by one\n", all / kDeltas, pieces / kDeltas);
  const json answer = {
      {"choices", {{{"index", 0}, {"finish_reason", "stop"}, {"message", {{"content", std::string(8000, 'x')}}}}}}};
  const std::string text = answer.dump();
  fmt::print("whole answer of {} bytes: {:.1f} us\n", text.size(),
             time_of(seconds, [&] { (void)openai::translate_answer(context, text); }));
}

}  // namespace
}  // namespace tollgate

int main(int argc, char** argv) {
  tollgate::run(argc > 1 ? std::atof(argv[1]) : 1.0);
  return 0;
}
