#include "gateway/openai/chat_stream.h"

#include <gmock/gmock.h>

#include "gateway/openai/event_text.h"
#include "tests/unit/gateway/chat_testing.h"

namespace tollgate::chat {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string event(const std::string& json) {
  return "event: " + Json::parse(json)["type"].get<std::string>() + "\ndata: " + json + "\n\n";
}

std::string start_event() {
  return event(
      R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],)"
      R"("usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":1}}})");
}

std::string block(int index, const std::string& json) {
  return event(R"({"type":"content_block_start","index":)" + std::to_string(index) + R"(,"content_block":)" + json +
               "}");
}

std::string delta(int index, const std::string& json) {
  return event(R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" + json + "}");
}

std::string block_end(int index) {
  return event(R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}");
}

std::string ending(const std::string& reason) {
  return event(R"({"type":"message_delta","delta":{"stop_reason":")" + reason +
               R"("},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":4}}})") +
         event(R"({"type":"message_stop"})");
}

struct Streamed {
  std::string text;
  std::vector<Json> chunks;

  std::vector<std::string> deltas() const {
    std::vector<std::string> out;
    for (const Json& chunk : chunks) {
      if (chunk["choices"].size() == 1)
        out.push_back(chunk["choices"][0]["delta"].dump());
    }
    return out;
  }
};

Streamed run(const std::string& events, ChatOptions options = {}) {
  ChatStream stream(options, {.id = "gen-1", .model = "asked", .created = 17});
  Streamed all;
  stream.push(events, all.text);
  stream.finish(1500, all.text);
  for_each_event(all.text, [&](std::string_view data) {
    if (data != "[DONE]")
      all.chunks.push_back(Json::parse(data));
  });
  return all;
}

TEST(ChatStream, AText) {
  const Streamed text = run(start_event() + block(0, R"({"type":"text","text":""})") +
                                delta(0, R"({"type":"text_delta","text":"Hé"})") + event(R"({"type":"ping"})") +
                                delta(0, R"({"type":"text_delta","text":"\n"})") + block_end(0) + ending("end_turn"),
                            {.stream = true, .include_usage = true});
  EXPECT_THAT(text.deltas(),
              ElementsAre(R"({"role":"assistant","content":""})", R"({"content":"Hé"})", R"({"content":"\n"})", "{}"));
  EXPECT_THAT(text.text, HasSubstr("\n\n: keep-alive\n\ndata: "));
  EXPECT_THAT(text.text, EndsWith("\n\ndata: [DONE]\n\n"));
  for (const Json& chunk : text.chunks) {
    EXPECT_EQ(chunk["id"], "gen-1");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["created"], 17);
    EXPECT_EQ(chunk["model"], "claude");
  }
  EXPECT_EQ(text.chunks[3]["choices"][0]["finish_reason"], "stop");
  EXPECT_TRUE(text.chunks[3]["usage"].is_null());
  EXPECT_EQ(text.chunks[4]["choices"], Json::array());
  EXPECT_EQ(text.chunks[4]["usage"].dump(),
            R"({"prompt_tokens":18,"completion_tokens":7,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":5,)"
            R"("cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":4},"cost":1.5e-06})");
}

TEST(ChatStream, ToolCalls) {
  const Streamed calls =
      run(start_event() + block(0, R"({"type":"text","text":"a"})") + block_end(0) +
          block(1, R"({"type":"tool_use","id":"t1","name":"f","input":{}})") +
          delta(1, R"({"type":"input_json_delta","partial_json":""})") +
          delta(1, R"({"type":"input_json_delta","partial_json":"{\"x\""})") +
          delta(1, R"({"type":"input_json_delta","partial_json":":1}"})") + block_end(1) +
          block(2, R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})") +
          delta(2, R"({"type":"input_json_delta","partial_json":"{}"})") + block_end(2) +
          block(3, R"({"type":"tool_use","id":"t2","name":"g","input":{}})") + block_end(3) +
          block(4, R"({"type":"tool_use","id":"t3","name":"h","input":{"y":2}})") + block_end(4) + ending("tool_use"));
  EXPECT_THAT(
      calls.deltas(),
      ElementsAre(R"({"role":"assistant","content":""})", R"({"content":"a"})",
                  R"({"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]})",
                  R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]})",
                  R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})",
                  R"({"tool_calls":[{"index":1,"id":"t2","type":"function","function":{"name":"g","arguments":""}}]})",
                  R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})",
                  R"({"tool_calls":[{"index":2,"id":"t3","type":"function","function":{"name":"h","arguments":""}}]})",
                  R"({"tool_calls":[{"index":2,"function":{"arguments":"{\"y\":2}"}}]})", "{}"));
  EXPECT_EQ(calls.chunks.back()["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_THAT(calls.text, Not(HasSubstr("usage")));
}

TEST(ChatStream, Reasoning) {
  const std::string events = start_event() + block(0, R"({"type":"thinking","thinking":"","signature":""})") +
                             delta(0, R"({"type":"thinking_delta","thinking":"hm"})") +
                             delta(0, R"({"type":"signature_delta","signature":"s"})") + block_end(0) +
                             block(1, R"({"type":"redacted_thinking","data":"d"})") + block_end(1) +
                             block(2, R"({"type":"text","text":"a"})") + block_end(2) + ending("end_turn");
  EXPECT_THAT(
      run(events).deltas(),
      ElementsAre(R"({"role":"assistant","content":""})",
                  R"({"reasoning":"hm","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text",)"
                  R"("format":"anthropic-claude-v1","index":0,"text":"hm"}]})",
                  R"({"reasoning_details":[{"type":"reasoning.text","format":"anthropic-claude-v1","index":0,)"
                  R"("signature":"s"}]})",
                  R"({"reasoning_details":[{"type":"reasoning.encrypted","format":"anthropic-claude-v1","index":1,)"
                  R"("data":"d"}]})",
                  R"({"content":"a"})", "{}"));
  EXPECT_THAT(run(events, {.stream = true, .include_usage = false, .exclude_reasoning = true}).deltas(),
              ElementsAre(R"({"role":"assistant","content":""})", R"({"content":"a"})", "{}"));
}

TEST(ChatStream, FinishReasons) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"end_turn", "stop"},       {"stop_sequence", "stop"},
      {"max_tokens", "length"},   {"model_context_window_exceeded", "length"},
      {"tool_use", "tool_calls"}, {"refusal", "content_filter"},
      {"pause_turn", "stop"},     {"something_new", "stop"}};
  for (const auto& [stop, finish] : rows) {
    const Json last = run(start_event() + ending(stop)).chunks.back();
    EXPECT_EQ(last["choices"][0]["finish_reason"], finish);
    EXPECT_EQ(last["choices"][0]["native_finish_reason"], stop);
  }
}

TEST(ChatStream, AnErrorEndsIt) {
  const std::string error = R"({"type":"error","error":{"type":"overloaded_error","message":"Too much."}})";
  const Streamed failed =
      run(start_event() + block(0, R"({"type":"text","text":"a"})") + event(error) + ending("end_turn"));
  const Json last = failed.chunks.back();
  EXPECT_EQ(last["error"].dump(), R"({"message":"Too much.","type":"server_error","param":null,"code":"overloaded"})");
  EXPECT_EQ(last["choices"][0]["finish_reason"], "error");
  EXPECT_THAT(failed.text, Not(HasSubstr("[DONE]")));
}

TEST(ChatStream, WhatIsCutOffIsAnError) {
  for (const std::string& events :
       {std::string(), start_event(), start_event() + block(0, R"({"type":"text","text":"a"})"),
        start_event() + "data: {\n\n" + ending("end_turn"), std::string("data: 1\n\n")}) {
    const Streamed cut = run(events);
    EXPECT_TRUE(cut.chunks.back().contains("error")) << events;
    EXPECT_THAT(cut.text, Not(HasSubstr("[DONE]")));
  }
}

TEST(ChatStream, AnyLineEndAndWhatIsUnknown) {
  std::string events = start_event() + event(R"({"type":"news"})") + ": comment\n\n" +
                       delta(0, R"({"type":"citations_delta","citation":{}})") +
                       block(0, R"({"type":"text","text":"a"})") + ending("end_turn");
  const std::string expected = run(events).text;
  for (const std::string end : {"\r\n", "\r"}) {
    std::string other;
    for (const char c : events)
      other += c == '\n' ? end : std::string(1, c);
    EXPECT_EQ(run(other).text, expected);
  }
}

TEST(ChatStream, EventsOfSeveralDataLines) {
  std::vector<std::string> datas;
  for_each_event("data: a\ndata:b\ndata\n\nevent: x\n\ndata: c\n\ndata: cut",
                 [&](std::string_view data) { datas.emplace_back(data); });
  EXPECT_THAT(datas, ElementsAre("a\nb\n", "c"));
}

TEST(Completion, AWholeMessage) {
  const auto json = completion_json(
      R"({"id":"msg_1","type":"message","model":"claude","content":[{"type":"thinking","thinking":"hm","signature":"s"},)"
      R"({"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"tool_use","id":"t","name":"f","input":{"x": 1}}],)"
      R"("stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":null}})",
      {.id = {}, .model = "asked", .created = 17}, false, std::nullopt);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(
      *json,
      R"({"id":"msg_1","object":"chat.completion","created":17,"model":"claude","choices":[{"index":0,"message":{)"
      R"("role":"assistant","content":"ab","refusal":null,"reasoning":"hm","reasoning_content":"hm",)"
      R"("reasoning_details":[{"type":"reasoning.text","format":"anthropic-claude-v1","index":0,"text":"hm",)"
      R"("signature":"s"}],"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},)"
      R"("logprobs":null,"finish_reason":"tool_calls","native_finish_reason":"tool_use"}],"usage":{"prompt_tokens":1,)"
      R"("completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":0}}})");
}

TEST(Completion, NothingSaid) {
  const auto content = [](const std::string& blocks, const std::string& stop) {
    const auto json =
        completion_json(R"({"content":[)" + blocks + R"(],"stop_reason":")" + stop + "\"}", {}, false, {});
    return Json::parse(*json)["choices"][0]["message"];
  };
  EXPECT_EQ(content("", "end_turn")["content"], "");
  EXPECT_TRUE(content(R"({"type":"tool_use","id":"t","name":"f","input":{}})", "tool_use")["content"].is_null());
  EXPECT_TRUE(content("", "refusal")["refusal"].is_string());
  EXPECT_TRUE(content(R"({"type":"text","text":"no"})", "refusal")["refusal"].is_null());
  for (const char* none : {"", "[]", "{}", R"({"content":1})", "{"})
    EXPECT_FALSE(completion_json(none, {}, false, {}).ok()) << none;
}

}  // namespace
}  // namespace tollgate::chat
