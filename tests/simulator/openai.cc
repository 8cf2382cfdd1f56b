#include "tests/simulator/openai.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/simulator/answer.h"
#include "tests/simulator/json_text.h"
#include "tests/simulator/openai_question.h"

namespace tollgate::simulator {
namespace {

constexpr std::size_t kDeltaBytes = 24;

struct Flavour {
  std::string_view prefix;
  std::string_view name;
};
constexpr std::array kFlavours = {Flavour{"/openai/v1", "openai"}, Flavour{"/morph/v1", "morph"},
                                  Flavour{"/deepseek", "deepseek"}, Flavour{"/openrouter/api/v1", "openrouter"}};

const Flavour* flavour_of(std::string_view path) {
  for (const Flavour& flavour : kFlavours) {
    if (path.starts_with(flavour.prefix) && path.substr(flavour.prefix.size()).starts_with('/'))
      return &flavour;
  }
  return nullptr;
}

Reply json_reply(unsigned status, std::string json) {
  Reply reply;
  reply.status = status;
  reply.headers.emplace_back("content-type", "application/json");
  reply.headers.emplace_back("x-request-id", "req_sim");
  reply.headers.emplace_back("openai-organization", "org-of-the-operator");
  reply.body.push_back({std::move(json)});
  return reply;
}

Reply chat_error(unsigned status, std::string_view message, std::string_view code = "") {
  const std::string_view type = status == 401 ? "authentication_error" : "invalid_request_error";
  return json_reply(status, fmt::format(R"({{"error":{{"message":{},"type":"{}","param":null,"code":{}}}}})",
                                        json_string(message), type, code.empty() ? "null" : json_string(code)));
}

// As the chat completions API counts: the prompt with what came from the cache, the completion with the reasoning.
std::string usage_json(const Usage& usage) {
  const std::int64_t prompt = usage.input + usage.cache_read;
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":{}}},)"
                     R"("completion_tokens_details":{{"reasoning_tokens":{}}}}})",
                     prompt, usage.output, prompt + usage.output, usage.cache_read, usage.thinking);
}

std::string_view finish_reason(const Message& message) {
  if (message.stop_reason == "tool_use")
    return "tool_calls";
  return message.stop_reason == "max_tokens" ? "length" : "stop";
}

// Its members, without braces.
std::string reasoning_json(std::string_view text, std::string_view signature, std::string_view flavour) {
  if (flavour != "openrouter")
    return fmt::format(R"("reasoning_content":{})", json_string(text));
  const std::string signed_by =
      signature.empty() ? std::string() : fmt::format(R"("signature":{},)", json_string(signature));
  return fmt::format(R"("reasoning":{0},"reasoning_details":[{{"type":"reasoning.text","text":{0},{1})"
                     R"("format":"anthropic-claude-v1","index":0}}])",
                     json_string(text), signed_by);
}

class ChatForm {
 public:
  ChatForm(const Message& message, std::string_view flavour, bool include_usage)
      : message_(message), flavour_(flavour), include_usage_(include_usage) {}

  std::string whole() const {
    std::string text;
    std::string calls;
    std::string reasoning;
    for (const Block& block : message_.content) {
      if (block.kind == Block::Kind::kText)
        text += block.text;
      else if (block.kind == Block::Kind::kThinking)
        reasoning = fmt::format(",{}", reasoning_json(block.text, block.signature, flavour_));
      else if (block.kind == Block::Kind::kToolUse)
        calls.append(calls.empty() ? "" : ",").append(call_json(block, block.input, true, ""));
    }
    return fmt::format(R"({{"id":{},"object":"chat.completion","created":1764000000,"model":{},"choices":[{{"index":0,)"
                       R"("message":{{"role":"assistant","content":{}{}{}}},"finish_reason":"{}"}}],"usage":{}}})",
                       json_string(id()), json_string(message_.model), text.empty() ? "null" : json_string(text),
                       reasoning, calls.empty() ? "" : fmt::format(",\"tool_calls\":[{}]", calls),
                       finish_reason(message_), usage_json(message_.usage));
  }

  std::vector<Piece> events() const {
    std::vector<Piece> events;
    events.push_back({chunk(R"({"role":"assistant","content":""})", "null")});
    std::size_t index = 0;
    for (const Block& block : message_.content) {
      if (block.kind == Block::Kind::kText) {
        each(block.text,
             [&](std::string_view part) { add(events, fmt::format(R"({{"content":{}}})", json_string(part)), part); });
      } else if (block.kind == Block::Kind::kThinking) {
        each(block.text, [&](std::string_view part) {
          add(events, fmt::format("{{{}}}", reasoning_json(part, "", flavour_)), part);
        });
        if (flavour_ == "openrouter")
          add(events, fmt::format("{{{}}}", reasoning_json("", block.signature, flavour_)), "");
      } else if (block.kind == Block::Kind::kToolUse) {
        const std::string at = fmt::format(R"("index":{},)", index++);
        add(events, fmt::format(R"({{"tool_calls":[{}]}})", call_json(block, "", true, at)), "");
        each(block.input, [&](std::string_view part) {
          add(events, fmt::format(R"({{"tool_calls":[{}]}})", call_json(block, part, false, at)), part);
        });
      }
    }
    events.push_back({chunk("{}", fmt::format("\"{}\"", finish_reason(message_)))});
    if (include_usage_) {
      events.push_back(
          {fmt::format("data: {{\"id\":{},\"object\":\"chat.completion.chunk\",\"model\":{},"
                       "\"choices\":[],\"usage\":{}}}\n\n",
                       json_string(id()), json_string(message_.model), usage_json(message_.usage))});
    }
    events.push_back({"data: [DONE]\n\n"});
    return events;
  }

 private:
  std::string id() const { return "chatcmpl-" + message_.id; }

  static std::string call_id(const Block& block) { return "call_" + block.id.substr(block.id.rfind('_') + 1); }

  static std::string call_json(const Block& block, std::string_view arguments, bool first, std::string_view index) {
    if (!first)
      return fmt::format(R"({{{}"function":{{"arguments":{}}}}})", index, json_string(arguments));
    return fmt::format(R"({{{}"id":{},"type":"function","function":{{"name":{},"arguments":{}}}}})", index,
                       json_string(call_id(block)), json_string(block.name), json_string(arguments));
  }

  template <class Use>
  static void each(std::string_view text, Use use) {
    while (!text.empty()) {
      const std::string_view part = utf8_prefix(text, kDeltaBytes);
      use(part);
      text.remove_prefix(part.size());
    }
  }

  std::string chunk(std::string_view delta, std::string_view finish) const {
    return fmt::format(
        "data: {{\"id\":{},\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":{},"
        "\"choices\":[{{\"index\":0,\"delta\":{},\"finish_reason\":{}}}]}}\n\n",
        json_string(id()), json_string(message_.model), delta, finish);
  }

  void add(std::vector<Piece>& events, const std::string& delta, std::string_view text) const {
    events.push_back({chunk(delta, "null")});
    events.back().output_tokens = tokens_of(text);
  }

  const Message& message_;
  const std::string_view flavour_;
  const bool include_usage_;
};

}  // namespace

bool OpenAi::is_call(const Request& request) {
  return flavour_of(request.path()) != nullptr;
}

Reply OpenAi::handle(const Request& request) {
  const std::string_view path = request.path();
  const Flavour& flavour = *flavour_of(path);
  const std::string_view call = path.substr(flavour.prefix.size());
  if (!api_key_.empty() && request.header("authorization") != "Bearer " + api_key_)
    return chat_error(401, "Incorrect API key provided: sk-of-the-operator.", "invalid_api_key");
  for (const char* header : {"anthropic-version", "anthropic-beta", "x-api-key"}) {
    if (!request.header(header).empty())
      return chat_error(400, fmt::format("{}: this header does not belong here", header));
  }
  if (call == "/models" && request.method == "GET")
    return json_reply(200, R"({"object":"list","data":[{"id":"gpt-5.1","object":"model","owned_by":"sim"}]})");
  if (call != "/chat/completions")
    return chat_error(404, fmt::format("Invalid URL ({} {})", request.method, path));
  if (request.method != "POST")
    return chat_error(405, "Not allowed");
  return chat(request, flavour.name);
}

Reply OpenAi::chat(const Request& request, std::string_view flavour) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element body;
  if (parser.parse(request.body).get(body))
    return chat_error(400, "We could not parse the JSON body of your request.");
  ChatQuestion chat;
  if (auto error = read_chat_question(body, flavour, chat))
    return chat_error(error->status, error->message);
  Message message = answer(chat.question, serial_.fetch_add(1, std::memory_order_relaxed));
  if (!chat.apply.empty())
    message.content = {{Block::Kind::kText, chat.apply, {}, {}, {}, {}}};
  count_output(message);
  std::int64_t prompt = std::max<std::int64_t>(1, static_cast<std::int64_t>(request.body.size()) / 4);
  // A conversation that goes on finds most of its prompt in the cache.
  message.usage.cache_read = chat.question.messages > 3 ? prompt * 3 / 4 : 0;
  message.usage.input = prompt - message.usage.cache_read;
  const ChatForm form(message, flavour, chat.include_usage);
  Reply reply = json_reply(200, "");
  reply.body.clear();
  reply.stream = chat.question.stream;
  if (reply.stream) {
    reply.headers.front().second = "text/event-stream; charset=utf-8";
    reply.framing = Reply::Framing::kChunked;
    reply.body = form.events();
  } else {
    reply.body.push_back({form.whole()});
    reply.body.back().output_tokens = message.usage.output;
  }
  reply.billable = true;
  reply.model = message.model;
  reply.message_id = message.id;
  reply.usage = message.usage;
  return reply;
}

}  // namespace tollgate::simulator
