// Chat completion streams, good and bad, as the Messages API's events. Failures that users of other gateways have met
// are named by their reports.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/common/base/errors.h"
#include "services/provider_adapter/openai/stream.h"
#include "tests/support/translation/accumulate.h"
#include "tests/support/translation/chat_replay.h"

namespace tollgate::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string data(const json& chunk) {
  return "data: " + chunk.dump() + "\n\n";
}

std::string delta(const json& members, const json& finish = nullptr) {
  return data({{"id", "chatcmpl-1"},
               {"model", "the-model"},
               {"choices", {{{"index", 0}, {"delta", members}, {"finish_reason", finish}}}}});
}

std::string text(std::string_view text) {
  return delta({{"content", text}});
}

// One element of tool_calls; what is empty is left out.
json call(const json& index, std::string_view id, std::string_view name, const json& arguments) {
  json call = {{"type", "function"}, {"function", json::object()}};
  if (!index.is_null())
    call["index"] = index;
  if (!id.empty())
    call["id"] = id;
  if (!name.empty())
    call["function"]["name"] = name;
  if (!arguments.is_null())
    call["function"]["arguments"] = arguments;
  return call;
}

std::string calls(const json& elements) {
  return delta({{"tool_calls", elements}});
}

std::string tool(const json& index, std::string_view id, std::string_view name, const json& arguments) {
  return calls(json::array({call(index, id, name, arguments)}));
}

std::string stop(std::string_view reason) {
  return delta(json::object(), reason);
}

std::string usage(const json& usage) {
  return data({{"choices", json::array()}, {"usage", usage}});
}

constexpr const char* kDone = "data: [DONE]\n\n";

// The message that the stream amounts to, in every two pieces of it and byte by byte.
json message(const std::string& stream, const openai::AnswerContext& context = chat_context()) {
  const std::string events = replay_chat(context, stream);
  EXPECT_EQ(replay_chat(context, stream, 1), events);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    if (replay_cut(context, stream, cut) != events) {
      ADD_FAILURE() << "cut at byte " << cut;
      break;
    }
  }
  std::string wrong;
  const json result = accumulate(events, wrong);
  EXPECT_EQ(wrong, "") << events;
  return result;
}

json text_block(std::string_view text) {
  return {{"type", "text"}, {"text", text}};
}

json tool_block(std::string_view id, std::string_view name, const json& input) {
  return {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", input}};
}

TEST(ChatStream, StreamsText) {
  const json got = message(delta({{"role", "assistant"}, {"content", ""}}) + text("Hel") + text("lo \xe2\x82\xac") +
                           stop("stop") + usage({{"prompt_tokens", 12}, {"completion_tokens", 3}}) + kDone);
  EXPECT_EQ(got.at("content"), json::array({text_block("Hello \xe2\x82\xac")}));
  EXPECT_EQ(got.at("stop_reason"), "end_turn");
  EXPECT_EQ(got.at("model"), "the-model");
  EXPECT_EQ(got.at("id"), "msg_gen-1");
  EXPECT_EQ(got.at("usage").at("input_tokens"), 12);
  EXPECT_EQ(got.at("usage").at("output_tokens"), 3);
}

// Deltas go out when they come, not at the end.
TEST(ChatStream, PassesEachDeltaAtOnce) {
  openai::ChatStream stream(chat_context());
  std::string events;
  ASSERT_TRUE(stream.push(text("a"), events).ok());
  EXPECT_THAT(events, HasSubstr("\"text\":\"a\""));
  events.clear();
  ASSERT_TRUE(stream.push(tool(0, "call_1", "f", "{\"x\":"), events).ok());
  EXPECT_THAT(events, HasSubstr("\"partial_json\":\"{\\\"x\\\":\""));
}

// The context meter of Claude Code reads it. CLIProxyAPI#1700, sglang#20678, litellm#41406, vercel/ai#17326.
TEST(ChatStream, BeginsWithAnEstimateOfThePrompt) {
  const std::string events = replay_chat(chat_context(), text("x"));
  EXPECT_THAT(events, HasSubstr(R"("usage":{"input_tokens":7,"cache_creation_input_tokens":0,)"));
}

TEST(ChatStream, ToolArgumentsInFragments) {
  const json got = message(tool(0, "call_1", "get_weather", "") + tool(0, "", "", "{\"ci") +
                           tool(0, "", "", "ty\":\"Bern\"}") + stop("tool_calls") + kDone);
  EXPECT_EQ(got.at("content"), json::array({tool_block("call_1", "get_weather", {{"city", "Bern"}})}));
  EXPECT_EQ(got.at("stop_reason"), "tool_use");
}

// praxis-proxy/ai#266, sglang#39782 (three objects in one input), litellm#5231 and #15315.
TEST(ChatStream, InterleavedCallsBecomeBlocksOfTheirOwn) {
  const json got = message(tool(0, "a", "one", "{\"x\":") + tool(1, "b", "two", "{\"y\":") +
                           tool(2, "c", "three", "{") + tool(0, "", "", "1") + tool(2, "", "", "}") +
                           tool(1, "", "", "2}") + tool(0, "", "", "}") + stop("tool_calls") + kDone);
  EXPECT_EQ(got.at("content"), json::array({tool_block("a", "one", {{"x", 1}}), tool_block("b", "two", {{"y", 2}}),
                                            tool_block("c", "three", json::object())}));
}

// A name that comes in pieces, late, or in every delta.
TEST(ChatStream, NamesComeAsTheyLike) {
  EXPECT_EQ(
      message(tool(0, "a", "get_", nullptr) + tool(0, "", "weather", "{}") + stop("tool_calls") + kDone).at("content"),
      json::array({tool_block("a", "get_weather", json::object())}));
  EXPECT_EQ(message(tool(0, "a", "", "{\"x\"") + tool(0, "", "late", ":1}") + stop("tool_calls") + kDone).at("content"),
            json::array({tool_block("a", "late", {{"x", 1}})}));
  EXPECT_EQ(message(tool(0, "a", "f", "{\"x\"") + tool(0, "a", "f", ":1}") + stop("tool_calls") + kDone).at("content"),
            json::array({tool_block("a", "f", {{"x", 1}})}));
}

// Gemini's compatible form: index 0 for all, each complete.
TEST(ChatStream, CallsOfOneIndexAreToldApart) {
  EXPECT_EQ(
      message(tool(0, "a", "f", "{\"x\":1}") + tool(0, "b", "f", "{\"x\":2}") + stop("stop") + kDone).at("content"),
      json::array({tool_block("a", "f", {{"x", 1}}), tool_block("b", "f", {{"x", 2}})}));
  const json ids = message(tool(0, "", "f", "{}") + tool(0, "", "f", "{}") + stop("stop") + kDone).at("content");
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_NE(ids[0].at("id"), ids[1].at("id"));
  EXPECT_THAT(ids[0].at("id").get<std::string>(), ::testing::MatchesRegex("toolu_[0-9a-f]+"));
}

TEST(ChatStream, CallsWithoutAnIndex) {
  EXPECT_EQ(message(calls({call(nullptr, "a", "f", "{\"x\":1}"), call(nullptr, "b", "g", "{\"y\":2}")}) +
                    stop("tool_calls") + kDone)
                .at("content"),
            json::array({tool_block("a", "f", {{"x", 1}}), tool_block("b", "g", {{"y", 2}})}));
}

// litellm#25321.
TEST(ChatStream, ArgumentsThatComeInTheLastMessageOnly) {
  const std::string last = data({{"choices",
                                  {{{"index", 0},
                                    {"delta", json::object()},
                                    {"message", {{"tool_calls", {call(0, "a", "f", "{\"x\":1}")}}}},
                                    {"finish_reason", "tool_calls"}}}}});
  EXPECT_EQ(message(tool(0, "a", "f", "") + last + kDone).at("content"),
            json::array({tool_block("a", "f", {{"x", 1}})}));
  // A repetition of what came changes nothing.
  EXPECT_EQ(message(tool(0, "a", "f", "{\"x\":1}") + last + kDone).at("content"),
            json::array({tool_block("a", "f", {{"x", 1}})}));
}

TEST(ChatStream, NoArgumentsAreAnEmptyInput) {
  for (const json& none : {json(""), json("null"), json(nullptr), json("\"\""), json(" ")}) {
    EXPECT_EQ(message(tool(0, "a", "f", none) + stop("tool_calls") + kDone).at("content"),
              json::array({tool_block("a", "f", json::object())}))
        << none;
  }
}

TEST(ChatStream, ArgumentsThatAreNoStringOrOneTooMuch) {
  for (const json& arguments : {json({{"x", 1}}), json("\"{\\\"x\\\":1}\"")}) {
    EXPECT_EQ(message(tool(0, "a", "f", arguments) + stop("tool_calls") + kDone).at("content"),
              json::array({tool_block("a", "f", {{"x", 1}})}))
        << arguments;
  }
}

// vllm#48273: what is not JSON must not become a tool's input, nor a clean end.
TEST(ChatStream, ArgumentsThatAreNotJsonAreAnError) {
  for (const char* arguments : {"{\"x\":", "{\"x\":1}}", "not json", "{\"x\":1}{\"x\":2}", "{'x':1}"}) {
    const json got = message(tool(0, "a", "f", arguments) + stop("tool_calls") + kDone);
    EXPECT_EQ(got.value("/error/type"_json_pointer, ""), "api_error") << arguments;
  }
}

// Cut by max_tokens, an input may end anywhere, as Anthropic's does.
TEST(ChatStream, AnInputThatWasCut) {
  const json got = message(tool(0, "a", "f", "{\"x\":") + stop("length") + kDone);
  EXPECT_EQ(got.at("stop_reason"), "max_tokens");
  EXPECT_EQ(got.at("content")[0].at("input"), "{\"x\":");
}

// litellm#34692: no empty text block, however often an empty delta comes; text and calls in any order.
TEST(ChatStream, NoEmptyTextBlocks) {
  EXPECT_EQ(message(text("") + tool(0, "a", "f", "{}") + text("") + stop("tool_calls") + kDone).at("content"),
            json::array({tool_block("a", "f", json::object())}));
  EXPECT_EQ(message(tool(0, "a", "f", "{") + text("between") + tool(0, "", "", "}") + text(" and after") +
                    stop("tool_calls") + kDone)
                .at("content"),
            json::array({tool_block("a", "f", json::object()), text_block("between and after")}));
}

// Ollama and OpenRouter with Gemini say `stop` after calls. litellm#34692, bifrost#3638.
TEST(ChatStream, ACallMakesItToolUse) {
  for (const char* reason : {"stop", "tool_calls", "function_call", "something_new", "eos"})
    EXPECT_EQ(message(tool(0, "a", "f", "{}") + stop(reason) + kDone).at("stop_reason"), "tool_use") << reason;
}

TEST(ChatStream, StopReasons) {
  const std::pair<const char*, const char*> reasons[] = {{"stop", "end_turn"},
                                                         {"length", "max_tokens"},
                                                         {"content_filter", "refusal"},
                                                         {"model_length", "max_tokens"},
                                                         {"eos", "end_turn"}};
  for (const auto& [reason, expected] : reasons)
    EXPECT_EQ(message(text("x") + stop(reason) + kDone).at("stop_reason"), expected) << reason;
  EXPECT_EQ(message(delta({{"refusal", "I must not."}}) + stop("stop") + kDone).at("stop_reason"), "refusal");
}

// cc-switch#5093: an empty reason is none.
TEST(ChatStream, AnEmptyFinishReasonIsNone) {
  EXPECT_EQ(
      message(delta({{"content", "a"}}, "") + delta({{"content", "b"}}, "") + stop("length") + kDone).at("stop_reason"),
      "max_tokens");
  // [DONE] is a clean end in itself.
  EXPECT_EQ(message(text("a") + kDone).at("stop_reason"), "end_turn");
}

TEST(ChatStream, AReasonThatComesTwiceEndsOnce) {
  const json got = message(text("a") + stop("stop") + stop("stop") +
                           usage({{"prompt_tokens", 3}, {"completion_tokens", 1}}) + kDone + kDone + text("late"));
  EXPECT_EQ(got.at("content"), json::array({text_block("a")}));
}

// Some end with the body.
TEST(ChatStream, NoDoneAfterAReasonIsAnEnd) {
  EXPECT_EQ(message(text("a") + stop("stop")).at("stop_reason"), "end_turn");
  // Cut inside what may be missing.
  EXPECT_EQ(message(text("a") + stop("stop") + "data: {\"choices\":[],\"usa").at("stop_reason"), "end_turn");
}

// litellm#32086 and #39703, CLIProxyAPI#3996 and #4884: no end_turn that nobody has said.
TEST(ChatStream, ACutIsAnError) {
  for (const std::string& stream : {text("a"), tool(0, "a", "f", "{\"x\":1}"), text("a") + "data: {\"cho",
                                    delta({{"reasoning", "hm"}}), std::string(), std::string(kDone)})
    EXPECT_EQ(message(stream).value("/error/type"_json_pointer, ""), "api_error") << stream;
}

// OpenRouter reports errors within the stream.
TEST(ChatStream, AnErrorWithinTheStream) {
  const json got = message(text("a") +
                           data({{"error", {{"code", 529}, {"message", "Provider overloaded"}}},
                                 {"choices", {{{"index", 0}, {"finish_reason", "error"}}}}}) +
                           kDone);
  EXPECT_EQ(got.at("error").at("type"), "overloaded_error");
  EXPECT_EQ(message(text("a") + stop("error") + kDone).at("error").at("type"), "api_error");
  EXPECT_EQ(message(text("a") + stop("insufficient_system_resource") + kDone).at("error").at("type"), "api_error");
}

TEST(ChatStream, WhatIsNoChunkIsAnError) {
  EXPECT_EQ(message("data: <html>\n\n").at("error").at("type"), "api_error");
  EXPECT_EQ(message("data: []\n\n").at("error").at("type"), "api_error");
}

TEST(ChatStream, CommentsAndStrangersAreSkipped) {
  const json got =
      message(": OPENROUTER PROCESSING\n\n" + data({{"choices", json::array()}, {"prompt_filter_results", 1}}) +
              ": again\n\n" + "event: ping\ndata:\n\n" +
              data({{"obfuscation", "xx"}, {"choices", {{{"index", 1}, {"delta", {{"content", "no"}}}}}}}) +
              text("yes") + stop("stop") + kDone);
  EXPECT_EQ(got.at("content"), json::array({text_block("yes")}));
}

// ccr#1725: thinking after a call or a text is a new block.
TEST(ChatStream, ReasoningBecomesThinking) {
  const json got =
      message(delta({{"reasoning_content", "Let "}}) + delta({{"reasoning_content", "me see"}}) + text("A") +
              delta({{"reasoning_content", "more"}}) + tool(0, "a", "f", "{}") + stop("tool_calls") + kDone);
  ASSERT_EQ(got.at("content").size(), 4u);
  EXPECT_EQ(got.at("content")[0].at("thinking"), "Let me see");
  EXPECT_EQ(got.at("content")[2].at("thinking"), "more");
  const auto envelope = test_envelopes().open(got.at("content")[0].at("signature").get<std::string>());
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->dialect, "openai");
  EXPECT_EQ(envelope->upstream, "up");
  EXPECT_EQ(envelope->model, "m");
}

TEST(ChatStream, ReasoningUnderItsOtherNames) {
  EXPECT_EQ(message(delta({{"reasoning", "hm"}}) + text("A") + stop("stop") + kDone).at("content")[0].at("thinking"),
            "hm");
  // The same twice, as several servers send it.
  EXPECT_EQ(message(delta({{"reasoning", "hm"}, {"reasoning_content", "hm"}}) + text("A") + stop("stop") + kDone)
                .at("content")[0]
                .at("thinking"),
            "hm");
  const json parts = {{{"type", "thinking"}, {"thinking", {{{"type", "text"}, {"text", "hm"}}}}},
                      {{"type", "text"}, {"text", "A"}}};
  const json mistral = message(delta({{"content", parts}}) + stop("stop") + kDone);
  EXPECT_EQ(mistral.at("content")[0].at("thinking"), "hm");
  EXPECT_EQ(mistral.at("content")[1], text_block("A"));
  EXPECT_EQ(
      message(delta({{"reasoning", "hm"}}) + text("A") + stop("stop") + kDone, chat_context("openai")).at("content"),
      json::array({text_block("A")}));
}

TEST(ChatStream, ReasoningDetailsRideInTheSignature) {
  const auto details = [](const json& pieces) { return delta({{"reasoning_details", pieces}}); };
  const json got = message(
      details({{{"type", "reasoning.text"}, {"text", "Let "}, {"format", "anthropic-claude-v1"}, {"index", 0}}}) +
          details({{{"type", "reasoning.text"}, {"text", "me"}, {"index", 0}}}) +
          details({{{"type", "reasoning.text"}, {"signature", "SIG"}, {"index", 0}}}) + text("A") +
          details({{{"type", "reasoning.encrypted"}, {"data", "XYZ"}, {"id", "r1"}, {"index", 1}}}) + stop("stop") +
          kDone,
      chat_context("openrouter"));
  ASSERT_EQ(got.at("content").size(), 3u);
  EXPECT_EQ(got.at("content")[0].at("thinking"), "Let me");
  const auto open = [](const json& seal) {
    return json::parse(test_envelopes().open(seal.get<std::string>())->payload);
  };
  EXPECT_EQ(open(got.at("content")[0].at("signature")),
            json::parse(R"([{"type":"reasoning.text","text":"Let me","signature":"SIG","format":"anthropic-claude-v1",
                             "index":0}])"));
  EXPECT_EQ(got.at("content")[2].at("type"), "redacted_thinking");
  EXPECT_EQ(open(got.at("content")[2].at("data")),
            json::parse(R"([{"type":"reasoning.encrypted","data":"XYZ","id":"r1","index":1}])"));
}

// litellm#9812, #11364 and #40016, aider#5518, vllm#40912: cached tokens are counted once.
TEST(ChatStream, UsageCountsNothingTwice) {
  const std::pair<json, json> cases[] = {
      {{{"prompt_tokens", 100},
        {"completion_tokens", 20},
        {"prompt_tokens_details", {{"cached_tokens", 64}}},
        {"completion_tokens_details", {{"reasoning_tokens", 15}}}},
       {36, 64, 0, 20, 15}},
      {{{"prompt_tokens", 100},
        {"completion_tokens", 20},
        {"prompt_cache_hit_tokens", 90},
        {"prompt_cache_miss_tokens", 10}},
       {10, 90, 0, 20, 0}},
      {{{"prompt_tokens", 100},
        {"completion_tokens", 20},
        {"prompt_tokens_details", {{"cached_tokens", 10}, {"cache_write_tokens", 30}}}},
       {60, 10, 30, 20, 0}},
      // Reasoning beside the completion.
      {{{"prompt_tokens", 10},
        {"completion_tokens", 5},
        {"total_tokens", 35},
        {"completion_tokens_details", {{"reasoning_tokens", 20}}}},
       {10, 0, 0, 25, 20}},
      // More cached than there is.
      {{{"prompt_tokens", 10}, {"completion_tokens", 5}, {"cached_tokens", 50}}, {0, 10, 0, 5, 0}},
  };
  for (const auto& [given, expected] : cases) {
    const json used = message(text("x") + stop("stop") + usage(given) + kDone).at("usage");
    EXPECT_EQ(used.at("input_tokens"), expected[0]) << given;
    EXPECT_EQ(used.at("cache_read_input_tokens"), expected[1]) << given;
    EXPECT_EQ(used.at("cache_creation_input_tokens"), expected[2]) << given;
    EXPECT_EQ(used.at("output_tokens"), expected[3]) << given;
    EXPECT_EQ(used.value("/output_tokens_details/thinking_tokens"_json_pointer, 0), expected[4]) << given;
  }
}

TEST(ChatStream, UsageWhereverItStands) {
  const json counts = {{"prompt_tokens", 9}, {"completion_tokens", 2}};
  const json choice = {{"index", 0}, {"delta", json::object()}, {"finish_reason", "stop"}};
  json within = choice;
  within["usage"] = counts;
  const std::string streams[] = {
      text("x") + data({{"choices", {choice}}, {"usage", counts}}) + kDone,
      text("x") + data({{"choices", {choice}}, {"x_groq", {{"usage", counts}}}}) + kDone,
      text("x") + data({{"choices", {within}}}) + kDone,
      data({{"choices", {{{"index", 0}, {"delta", {{"content", "x"}}}}}},
            {"usage", {{"prompt_tokens", 9}, {"completion_tokens", 1}}}}) +
          data({{"choices", {choice}}, {"usage", counts}}) + kDone,
  };
  for (const std::string& stream : streams) {
    EXPECT_EQ(message(stream).at("usage").at("input_tokens"), 9) << stream;
    EXPECT_EQ(message(stream).at("usage").at("output_tokens"), 2) << stream;
  }
}

// CLIProxyAPI#1279: none at all.
TEST(ChatStream, NoUsageIsEstimatedAndSaysSo) {
  openai::ChatStream stream(chat_context());
  std::string events;
  ASSERT_TRUE(stream.push(text("eight by") + stop("stop") + kDone, events).ok());
  EXPECT_FALSE(stream.counted());
  std::string wrong;
  const json got = accumulate(events, wrong);
  EXPECT_EQ(got.at("usage").at("input_tokens"), 7);
  EXPECT_EQ(got.at("usage").at("output_tokens"), 2);
}

TEST(ChatStream, StopSequencesThatTheUpstreamDoesNotKnow) {
  openai::AnswerContext context = chat_context();
  context.stop_sequences = {"END", "\n\nHuman:"};
  const json got = message(text("one E") + text("N") + text("D two") + text(" three") + stop("stop") + kDone, context);
  EXPECT_EQ(got.at("content"), json::array({text_block("one ")}));
  EXPECT_EQ(got.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(got.at("stop_sequence"), "END");
  EXPECT_EQ(message(text("one E") + text("N") + stop("stop") + kDone, context).at("content"),
            json::array({text_block("one EN")}));
}

// vLLM says which.
TEST(ChatStream, AStopSequenceThatTheUpstreamNames) {
  const json got =
      message(text("x") +
              data({{"choices",
                     {{{"index", 0}, {"delta", json::object()}, {"finish_reason", "stop"}, {"stop_reason", "END"}}}}}) +
              kDone);
  EXPECT_EQ(got.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(got.at("stop_sequence"), "END");
}

// bifrost#5097, nanobot#4356, experiential#801: ids of any form, and none twice.
TEST(ChatStream, IdsAreMadeFitForTheApi) {
  const json got = message(tool(0, "functions.Bash:0", "f", "{}") + tool(1, "same", "f", "{}") +
                           tool(2, "same", "f", "{}") + stop("tool_calls") + kDone)
                       .at("content");
  EXPECT_THAT(got[0].at("id").get<std::string>(),
              ::testing::MatchesRegex("functions_Bash_0_[0-9a-f]{8}|functions_Bash_0_[0-9a-f]+"));
  EXPECT_EQ(got[1].at("id"), "same");
  EXPECT_NE(got[2].at("id"), "same");
}

TEST(ChatStream, LegacyFunctionCalls) {
  EXPECT_EQ(message(delta({{"function_call", {{"name", "f"}, {"arguments", ""}}}}) +
                    delta({{"function_call", {{"arguments", "{\"x\":1}"}}}}) + stop("function_call") + kDone)
                .at("content")[0]
                .at("input"),
            json({{"x", 1}}));
}

TEST(ChatStream, LongToolNamesComeBackAsTheyWere) {
  openai::AnswerContext context = chat_context();
  const std::string name(100, 'n');
  const std::string short_name = openai::upstream_tool_name(name);
  ASSERT_EQ(short_name.size(), 64u);
  context.tool_names.emplace(short_name, name);
  EXPECT_EQ(message(tool(0, "a", short_name, "{}") + stop("tool_calls") + kDone, context).at("content")[0].at("name"),
            name);
}

TEST(ChatAnswer, AWholeAnswer) {
  const json body = {{"id", "x"},
                     {"model", "the-model"},
                     {"choices",
                      {{{"index", 0},
                        {"finish_reason", "tool_calls"},
                        {"message",
                         {{"role", "assistant"},
                          {"reasoning_content", "hm"},
                          {"content", "Text"},
                          {"tool_calls", {call(nullptr, "a", "f", "{\"x\":1}"), call(nullptr, "b", "f", "")}}}}}}},
                     {"usage", {{"prompt_tokens", 5}, {"completion_tokens", 6}}}};
  const absl::StatusOr<std::string> got = openai::translate_answer(chat_context(), body.dump());
  ASSERT_TRUE(got.ok()) << got.status();
  const json answer = json::parse(*got);
  ASSERT_EQ(answer.at("content").size(), 4u);
  EXPECT_EQ(answer.at("content")[0].at("thinking"), "hm");
  EXPECT_EQ(answer.at("content")[2], tool_block("a", "f", {{"x", 1}}));
  EXPECT_EQ(answer.at("content")[3], tool_block("b", "f", json::object()));
  EXPECT_EQ(answer.at("stop_reason"), "tool_use");
  EXPECT_EQ(answer.at("usage").at("output_tokens"), 6);
  // The same as events, for whoever asked for a stream.
  const absl::StatusOr<std::string> events = openai::stream_answer(chat_context(), body.dump());
  ASSERT_TRUE(events.ok());
  std::string wrong;
  EXPECT_EQ(accumulate(*events, wrong).at("content"), answer.at("content"));
  EXPECT_EQ(wrong, "");
}

// Two calls of one id, or of none, are two.
TEST(ChatAnswer, CallsThatLookAlike) {
  for (const char* id : {"same", ""}) {
    const json calls = {call(nullptr, id, "f", "{\"x\":1}"), call(nullptr, id, "f", "{\"x\":2}")};
    const json body = {
        {"choices", {{{"index", 0}, {"finish_reason", "tool_calls"}, {"message", {{"tool_calls", calls}}}}}}};
    const absl::StatusOr<std::string> got = openai::translate_answer(chat_context(), body.dump());
    ASSERT_TRUE(got.ok()) << got.status();
    const json content = json::parse(*got).at("content");
    ASSERT_EQ(content.size(), 2u);
    EXPECT_EQ(content[1].at("input"), (json{{"x", 2}}));
    EXPECT_NE(content[0].at("id"), content[1].at("id"));
  }
}

TEST(ChatAnswer, WhatIsNoAnswerIsAFailure) {
  for (
      const char* body :
      {"", "[]", "<html>", "{}", R"({"choices":[]})", R"({"error":{"message":"no"}})",
       R"({"choices":[{"index":0,"finish_reason":"stop","message":{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}}]})"}) {
    const absl::StatusOr<std::string> got = openai::translate_answer(chat_context(), body);
    ASSERT_FALSE(got.ok()) << body;
    EXPECT_EQ(failure_of(got.status()).kind(), v1::Failure::KIND_UNAVAILABLE) << body;
  }
}

}  // namespace
}  // namespace tollgate::test
