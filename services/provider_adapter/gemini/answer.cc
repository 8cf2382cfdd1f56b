#include "services/provider_adapter/gemini/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"
#include "services/provider_adapter/gemini/names.h"
#include "services/provider_adapter/translation/messages_request.h"
#include "services/provider_adapter/translation/token_estimate.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::gemini {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kBytesPerToken = 4;
// More is no count: sums of it stay within bounds.
constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;

std::string_view text_at(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

bool flag_at(const dom::object& object, std::string_view name) {
  bool flag = false;
  return !object.at_key(name).get_bool().get(flag) && flag;
}

// A count that is there; Google leaves zeros out. False: not there.
bool count_at(const dom::object& object, std::string_view name, std::int64_t& count) {
  std::int64_t value = 0;
  if (object.at_key(name).get_int64().get(value))
    return false;
  count = std::clamp<std::int64_t>(value, 0, kMostTokens);
  return true;
}

constexpr std::array<std::string_view, 11> kRefusals = {"SAFETY",
                                                        "RECITATION",
                                                        "BLOCKLIST",
                                                        "PROHIBITED_CONTENT",
                                                        "SPII",
                                                        "LANGUAGE",
                                                        "IMAGE_SAFETY",
                                                        "IMAGE_PROHIBITED_CONTENT",
                                                        "IMAGE_RECITATION",
                                                        "JAILBREAK",
                                                        "MODEL_ARMOR"};

bool is_refusal(std::string_view reason) {
  return std::find(kRefusals.begin(), kRefusals.end(), reason) != kRefusals.end();
}

// The model stopped at a call that it could not write down, or may not make: another try, or another model, may.
bool is_broken(std::string_view reason) {
  return reason.starts_with("MALFORMED_") || reason == "UNEXPECTED_TOOL_CALL" || reason == "TOO_MANY_TOOL_CALLS" ||
         reason == "MISSING_THOUGHT_SIGNATURE";
}

}  // namespace

absl::Status Answer::take(const dom::element& response) {
  dom::object object;
  if (response.get_object().get(object)) {
    return to_status(bad_response(
        context_.upstream, fmt::format("Upstream {} sent an answer that is no object of JSON.", context_.upstream)));
  }
  if (!object.at_key("error").error())
    return to_status(failure_of_error(context_.upstream, context_.door, simdjson::minify(response)));
  read_usage(response);
  if (response_id_.empty())
    response_id_ = text_at(object, "responseId");
  dom::array candidates;
  const bool answered = !object.at_key("candidates").get(candidates) && candidates.size() > 0;
  dom::object feedback;
  const bool blocked = !object.at_key("promptFeedback").get(feedback) && !text_at(feedback, "blockReason").empty();
  if (answered || blocked)
    start();
  if (blocked && !answered)
    stop_reason_ = "refusal";
  if (!answered)
    return absl::OkStatus();
  dom::object candidate;
  if (candidates.at(0).get_object().get(candidate))
    return absl::OkStatus();
  return take_candidate(candidate);
}

void Answer::read_usage(const dom::element& response) {
  dom::object usage;
  if (response["usageMetadata"].get(usage))
    return;
  counted_ = true;
  // Cumulative; a chunk that leaves one out says nothing about it.
  std::int64_t prompt = counts_.input + counts_.cache_read;
  std::int64_t tool_prompt = 0;
  if (count_at(usage, "promptTokenCount", prompt) && count_at(usage, "toolUsePromptTokenCount", tool_prompt))
    prompt += tool_prompt;
  count_at(usage, "cachedContentTokenCount", counts_.cache_read);
  counts_.cache_read = std::min(counts_.cache_read, prompt);
  counts_.input = prompt - counts_.cache_read;
  std::int64_t candidates = counts_.output - counts_.thinking;
  count_at(usage, "candidatesTokenCount", candidates);
  count_at(usage, "thoughtsTokenCount", counts_.thinking);
  counts_.output = candidates + counts_.thinking;
}

void Answer::start() {
  if (writer_.started())
    return;
  translation::TokenCounts counts = counts_;
  // What it has said so far is no count yet.
  counts.output = 1;
  counts.thinking = 0;
  if (!counted_)
    counts_.input = counts.input = estimated_input();
  // Ids of Google's hold nothing that a message's may not.
  const std::string id = fmt::format(
      "msg_g_{}", sha256_hex(response_id_.empty() ? context_.request.generation_id() : response_id_).substr(0, 24));
  writer_.start(id, context_.request.model(), counts);
}

absl::Status Answer::take_candidate(const dom::object& candidate) {
  dom::array parts;
  if (!candidate.at_key("content").at_key("parts").get(parts)) {
    for (const dom::element item : parts) {
      dom::object part;
      if (item.get_object().get(part))
        continue;
      const absl::Status status = take_part(part);
      if (!status.ok())
        return status;
    }
  }
  const std::string_view reason = text_at(candidate, "finishReason");
  return reason.empty() || reason == "FINISH_REASON_UNSPECIFIED" ? absl::OkStatus()
                                                                 : stop(reason, text_at(candidate, "finishMessage"));
}

absl::Status Answer::take_part(const dom::object& part) {
  const std::string_view text = text_at(part, "text");
  std::string signature(text_at(part, "thoughtSignature"));
  bytes_ += text.size();
  dom::object call;
  if (!part.at_key("functionCall").get(call)) {
    // Where the first models to have them put it.
    if (signature.empty())
      signature = text_at(call, "thoughtSignature");
    return take_call(call, std::move(signature));
  }
  if (flag_at(part, "thought")) {
    writer_.thinking(text);
    if (!signature.empty())
      own_signature_ = std::move(signature);
    return absl::OkStatus();
  }
  // An image, code that was run: the Messages API has no block for them.
  if (text.empty())
    return absl::OkStatus();
  // One that comes later, behind the text, has no block of thinking to go into. It is left out: Google recommends it
  // and does not insist.
  if (writer_.thinking_open() || !own_signature_.empty()) {
    Thought thought;
    thought.text = std::move(signature);
    seal(std::move(thought));
  }
  writer_.text(text);
  return absl::OkStatus();
}

void Answer::seal(Thought thought) {
  thought.own = std::exchange(own_signature_, std::string());
  if (!writer_.thinking_open()) {
    // Without the thought that it signs it is worth nothing.
    thought.own.clear();
    if (thought.empty())
      return;
  }
  writer_.signature(context_.envelopes.seal(
      {std::string(kDialect), std::string(context_.upstream), context_.request.model(), to_payload(thought)}));
}

absl::Status Answer::take_call(const dom::object& call, std::string signature) {
  const std::string_view function = text_at(call, "name");
  if (function.empty()) {
    return to_status(bad_response(context_.upstream,
                                  fmt::format("Upstream {} called a function without a name.", context_.upstream)));
  }
  // Gemini cannot be told to make one call at a time.
  if (calls_ > 0 && one_call_only())
    return absl::OkStatus();
  Thought thought;
  thought.call = std::move(signature);
  seal(std::move(thought));
  writer_.tool_use(new_tool_use_id(text_at(call, "id")), tool_name(function));
  dom::element args;
  std::string input = "{}";
  if (!call.at_key("args").get(args) && args.is_object())
    input = simdjson::minify(args);
  bytes_ += function.size() + input.size();
  writer_.tool_input(input);
  writer_.close_block();
  ++calls_;
  return absl::OkStatus();
}

std::string Answer::new_tool_use_id(std::string_view call_id) {
  std::string id = tool_use_id(call_id);
  if (id.empty() || tool_use_ids_.contains(id)) {
    const std::string& base = response_id_.empty() ? context_.request.generation_id() : response_id_;
    id = fmt::format("toolu_{}", sha256_hex(fmt::format("{} {}", base, calls_)).substr(0, 24));
  }
  tool_use_ids_.insert(id);
  return id;
}

std::string Answer::tool_name(std::string_view function) const {
  if (!may_be_changed(function))
    return std::string(function);
  translation::RequestReader reader;
  const auto asked = reader.read(context_.request.body(), false);
  return asked.ok() ? tool_of(*asked, function) : std::string(function);
}

bool Answer::one_call_only() const {
  translation::RequestReader reader;
  const auto asked = reader.read(context_.request.body(), false);
  return asked.ok() && asked->tool_choice && asked->tool_choice->disable_parallel;
}

std::int64_t Answer::estimated_input() const {
  translation::RequestReader reader;
  const auto asked = reader.read(context_.request.body(), false);
  return asked.ok() ? translation::estimate_prompt(*asked) : 1;
}

absl::Status Answer::stop(std::string_view reason, std::string_view message) {
  if (is_broken(reason)) {
    return to_status(bad_response(context_.upstream,
                                  fmt::format("The model of upstream {} broke off ({}){}", context_.upstream, reason,
                                              message.empty() ? std::string(".") : fmt::format(": {}", message))));
  }
  if (is_refusal(reason)) {
    stop_reason_ = "refusal";
  } else if (reason == "MAX_TOKENS" || reason == "CONTINUATION") {
    stop_reason_ = "max_tokens";
  } else if (reason == "STOP" || writer_.blocks() > 0) {
    stop_reason_ = calls_ > 0 ? "tool_use" : "end_turn";
  } else {
    return to_status(bad_response(context_.upstream, fmt::format("The model of upstream {} stopped without an answer "
                                                                 "({}).",
                                                                 context_.upstream, reason)));
  }
  return absl::OkStatus();
}

absl::Status Answer::finish() {
  if (stop_reason_.empty()) {
    return to_status(
        bad_response(context_.upstream,
                     fmt::format("The answer of upstream {} ended early, without a finishReason.", context_.upstream)));
  }
  // It may have said why it stops before it had said all.
  if (stop_reason_ == "end_turn" && calls_ > 0)
    stop_reason_ = "tool_use";
  seal(Thought());
  if (!counted_)
    counts_.output = static_cast<std::int64_t>(bytes_ / kBytesPerToken) + 1;
  writer_.finish(stop_reason_, "", counts_);
  return absl::OkStatus();
}

}  // namespace tollgate::gemini
