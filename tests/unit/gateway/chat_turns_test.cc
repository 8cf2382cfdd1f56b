#include <gmock/gmock.h>

#include "gateway/openai/turns.h"
#include "tests/unit/gateway/chat_testing.h"

namespace tollgate::chat {
namespace {

using testing::StartsWith;

struct Row {
  std::string chat;
  // null: none
  std::string system;
  std::string messages;
};

void check(const std::vector<Row>& rows, const ModelTraits& traits = budget_traits()) {
  for (const Row& row : rows) {
    const Json body = with_messages(row.chat, traits);
    ASSERT_TRUE(body.is_object()) << body;
    EXPECT_EQ(body.value("system", Json()), Json::parse(row.system)) << row.chat;
    EXPECT_EQ(body["messages"], Json::parse(row.messages)) << row.chat;
  }
}

TEST(ChatTurns, SystemMessages) {
  const std::string turn = R"([{"role":"user","content":[{"type":"text","text":"u"}]}])";
  check({
      {R"([{"role":"system","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"u"}])",
       R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])", turn},
      {R"([{"role":"system","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},)"
       R"({"role":"user","content":"u"}])",
       R"([{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}])", turn},
      {R"([{"role":"system","content":""},{"role":"user","content":"u"}])", "null", turn},
      // Not every model takes it where it stands.
      {R"([{"role":"user","content":"u"},{"role":"system","content":"a"}])", R"([{"type":"text","text":"a"}])", turn},
      {R"([{"role":"system","content":"u"}])", "null", turn},
  });
  check(
      {
          {R"([{"role":"user","content":"u"},{"role":"system","content":"a"}])", "null",
           R"([{"role":"user","content":[{"type":"text","text":"u"}]},)"
           R"({"role":"system","content":[{"type":"text","text":"a"}]}])"},
          // Nothing may stand between a call and its result.
          {R"([{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"1","type":"function",)"
           R"("function":{"name":"f","arguments":"{}"}}]},{"role":"system","content":"a"},)"
           R"({"role":"tool","tool_call_id":"1","content":"r"}])",
           R"([{"type":"text","text":"a"}])",
           R"([{"role":"user","content":[{"type":"text","text":"u"}]},)"
           R"({"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},)"
           R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"1",)"
           R"("content":[{"type":"text","text":"r"}]}]}])"},
      },
      effort_traits());
}

TEST(ChatTurns, Parts) {
  check({
      {R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},)"
       R"({"type":"text","text":""},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ==","detail":"low"}},)"
       R"({"type":"image_url","image_url":"https://e.com/a"},{"type":"file","file":{"file_data":)"
       R"("data:application/pdf;base64,QQ==","filename":"a.pdf"}}]}])",
       "null",
       R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},)"
       R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ=="}},)"
       R"({"type":"image","source":{"type":"url","url":"https://e.com/a"}},)"
       R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"QQ=="},)"
       R"("title":"a.pdf"}]}])"},
  });
}

TEST(ChatTurns, ToolCallsAndResults) {
  check({
      // Results of one turn in one turn, and what the user says behind them.
      {R"([{"role":"user","content":"u"},{"role":"assistant","content":"t","tool_calls":[)"
       R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1.0}"}},)"
       R"({"id":"b","type":"function","function":{"name":"g","arguments":""}}]},)"
       R"({"role":"tool","tool_call_id":"a","content":"1"},)"
       R"({"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"2"}]},{"role":"user","content":"v"}])",
       "null",
       R"([{"role":"user","content":[{"type":"text","text":"u"}]},{"role":"assistant","content":[)"
       R"({"type":"text","text":"t"},{"type":"tool_use","id":"a","name":"f","input":{"x":1.0}},)"
       R"({"type":"tool_use","id":"b","name":"g","input":{}}]},{"role":"user","content":[)"
       R"({"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},)"
       R"({"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]},)"
       R"({"type":"text","text":"v"}]}])"},
      // What a model has written in place of an object.
      {R"([{"role":"assistant","content":null,"tool_calls":[)"
       R"({"id":"a","function":{"name":"f","arguments":"{\"x\":"}},{"id":"b","function":{"name":"f","arguments":"[1]"}}]}])",
       "null",
       R"([{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"arguments":"{\"x\":"}},)"
       R"({"type":"tool_use","id":"b","name":"f","input":{"arguments":"[1]"}}]}])"},
      {R"([{"role":"user","content":"u"},{"role":"assistant","content":""},{"role":"user","content":"v"}])", "null",
       R"([{"role":"user","content":[{"type":"text","text":"u"},{"type":"text","text":"v"}]}])"},
      {R"([{"role":"assistant","content":[{"type":"refusal","refusal":"no"}],"refusal":"never"}])", "null",
       R"([{"role":"assistant","content":[{"type":"text","text":"no"},{"type":"text","text":"never"}]}])"},
  });
}

TEST(ChatTurns, ThinkingComesBackWhereItStood) {
  check({
      {R"([{"role":"assistant","content":"t","reasoning":"x","reasoning_details":[)"
       R"({"type":"reasoning.text","text":"one","signature":"s1","index":0,"format":"anthropic-claude-v1"},)"
       R"({"type":"reasoning.encrypted","data":"d","index":2}],"tool_calls":[)"
       R"({"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}])",
       "null",
       R"([{"role":"assistant","content":[{"type":"thinking","thinking":"one","signature":"s1"},)"
       R"({"type":"text","text":"t"},{"type":"redacted_thinking","data":"d"},)"
       R"({"type":"tool_use","id":"a","name":"f","input":{}}]}])"},
      // Unsigned, or signed by others: of no use.
      {R"([{"role":"assistant","content":"t","reasoning_content":"x","reasoning_details":[)"
       R"({"type":"reasoning.text","text":"one"},{"type":"reasoning.text","text":"two","signature":""},)"
       R"({"type":"reasoning.summary","summary":"s"},)"
       R"({"type":"reasoning.encrypted","data":"d","format":"openai-responses-v1"}]}])",
       "null", R"([{"role":"assistant","content":[{"type":"text","text":"t"}]}])"},
  });
}

// The API takes no thinking with a budget in the midst of a tool loop whose thinking has got lost.
TEST(ChatTurns, ALoopWithoutThinkingGoesOnWithoutIt) {
  const auto thinks = [](const std::string& details, const std::string& more) {
    const Json body =
        to_messages({{"model", "m"},
                     {"reasoning_effort", "low"},
                     {"messages", Json::parse(R"([{"role":"user","content":"u"},{"role":"assistant",)" + details +
                                              R"("tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},)"
                                              R"({"role":"tool","tool_call_id":"a","content":"r"})" +
                                              more + "]")}});
    return body.contains("thinking");
  };
  const std::string signed_details = R"("reasoning_details":[{"type":"reasoning.text","text":"x","signature":"s"}],)";
  EXPECT_FALSE(thinks("", ""));
  EXPECT_TRUE(thinks(signed_details, ""));
  EXPECT_TRUE(thinks("", R"(,{"role":"user","content":"and now?"})"));
}

TEST(ChatTurns, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"([1])", "messages[0]: "},
      {R"([{"content":"a"}])", "messages[0].role: "},
      {R"([{"role":"function","name":"f","content":"a"}])", "messages[0].role: "},
      {R"([{"role":"user"}])", "messages[0].content: "},
      {R"([{"role":"user","content":1}])", "messages[0].content: "},
      {R"([{"role":"user","content":["a"]}])", "messages[0].content[0]: "},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text: "},
      {R"([{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"input_audio"}]}])",
       "messages[1].content[1].type: "},
      {R"([{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://e.com"}}]}])",
       "messages[0].content[0].type: "},
      {R"([{"role":"user","content":[{"type":"image_url"}]}])", "messages[0].content[0].image_url: "},
      {R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}])",
       "messages[0].content[0].image_url.url: "},
      {R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:audio/wav;base64,QQ=="}}]}])",
       "messages[0].content[0].image_url.url: "},
      {R"([{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}])",
       "messages[0].content[0].file.file_id: "},
      {R"([{"role":"user","content":[{"type":"file","file":{}}]}])", "messages[0].content[0].file.file_data: "},
      {R"([{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/csv;base64,QQ=="}}]}])",
       "messages[0].content[0].file.file_data: "},
      {R"([{"role":"tool","content":"a"}])", "messages[0].tool_call_id: "},
      {R"([{"role":"assistant","tool_calls":{}}])", "messages[0].tool_calls: "},
      {R"([{"role":"assistant","tool_calls":[{"type":"custom","id":"a"}]}])", "messages[0].tool_calls[0]: "},
      {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}])", "messages[0].tool_calls[0].id: "},
      {R"([{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}])",
       "messages[0].tool_calls[0].function.name: "},
      {R"([{"role":"assistant","function_call":{"name":"f"}}])", "messages[0].function_call: "},
      {R"([{"role":"assistant","content":"a","reasoning_details":[1]}])", "messages[0].reasoning_details: "},
  };
  for (const auto& [messages, expected] : rows) {
    const Json error = with_messages(messages);
    ASSERT_TRUE(error.is_string()) << messages;
    EXPECT_THAT(error.get<std::string>(), StartsWith(expected)) << messages;
  }
}

TEST(ChatTurns, IdsOfOthersAreCleanedAndStayApart) {
  EXPECT_EQ(tool_id("toolu_01-A"), "toolu_01-A");
  const std::string one = tool_id("functions.Bash:0");
  EXPECT_EQ(one, tool_id("functions.Bash:0"));
  EXPECT_THAT(one, StartsWith("functions_Bash_0_"));
  EXPECT_NE(one, tool_id("functions:Bash.0"));
}

}  // namespace
}  // namespace tollgate::chat
