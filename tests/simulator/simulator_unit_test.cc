#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/simulator/answer.h"
#include "tests/simulator/json_text.h"
#include "tests/simulator/load_knobs.h"
#include "tests/simulator/script.h"

namespace tollgate::simulator {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string wire(const std::vector<Piece>& pieces) {
  std::string bytes;
  for (const Piece& piece : pieces)
    for (std::uint32_t i = 0; i < piece.repeat; ++i)
      bytes += piece.bytes;
  return bytes;
}

// Each event as [type, data], checked for the form `event: T\ndata: {"type":"T",...}\n\n`.
std::vector<json> parse_events(std::string_view sse) {
  std::vector<json> events;
  while (!sse.empty()) {
    std::size_t end = sse.find("\n\n");
    EXPECT_NE(end, sse.npos);
    std::string_view event = sse.substr(0, end);
    sse.remove_prefix(end + 2);
    EXPECT_TRUE(event.starts_with("event: ")) << event;
    std::size_t line = event.find('\n');
    json data = json::parse(event.substr(line + 1 + std::string_view("data: ").size()));
    EXPECT_EQ(data["type"], event.substr(7, line - 7));
    events.push_back(std::move(data));
  }
  return events;
}

// Puts a stream together as a client does, checking the grammar on the way.
json accumulate(const std::vector<json>& events) {
  EXPECT_EQ(events.front()["type"], "message_start");
  EXPECT_EQ(events.back()["type"], "message_stop");
  json message = events.front()["message"];
  std::string input;
  int open = -1;
  for (const json& event : events) {
    std::string type = event["type"];
    if (type == "content_block_start") {
      EXPECT_EQ(open, -1) << "two blocks at once";
      open = event["index"];
      EXPECT_EQ(open, static_cast<int>(message["content"].size()));
      message["content"].push_back(event["content_block"]);
      input.clear();
    } else if (type == "content_block_delta") {
      EXPECT_EQ(event["index"], open);
      json& block = message["content"].back();
      const json& delta = event["delta"];
      if (delta["type"] == "input_json_delta")
        input += delta["partial_json"].get<std::string>();
      else
        for (const char* member : {"text", "thinking", "signature"})
          if (delta.contains(member))
            block[member] = block[member].get<std::string>() + delta[member].get<std::string>();
    } else if (type == "content_block_stop") {
      EXPECT_EQ(event["index"], open);
      open = -1;
      if (!input.empty())
        message["content"].back()["input"] = json::parse(input);
    } else if (type == "message_delta") {
      EXPECT_EQ(open, -1);
      message.update(event["delta"]);
      message["usage"].update(event["usage"]);
    }
  }
  return message;
}

Message every_kind_of_block() {
  Message message;
  message.id = "msg_1";
  message.model = "claude-x";
  message.content = {
      {Block::Kind::kRedactedThinking, redacted_data(), {}, {}, {}, {}},
      {Block::Kind::kThinking, "größer \"als\"\n\x01 gedacht", "c2ln", {}, {}, {}},
      {Block::Kind::kText, "日本語のテキスト, longer than one delta of any size", {}, {}, {}, {}},
      {Block::Kind::kText, "", {}, {}, {}, {}},
      {Block::Kind::kToolUse, {}, {}, "toolu_1", "Write", R"({"file_path":"/tmp/ü","content":"a\"b"})"},
      {Block::Kind::kToolUse, {}, {}, "toolu_2", "Read", "{}"},
  };
  message.usage.input = 10;
  message.usage.cache_creation_5m = 3;
  message.usage.cache_creation_1h = 4;
  message.usage.cache_read = 5;
  count_output(message);
  return message;
}

TEST(Message, StreamAccumulatesToTheJsonForm) {
  Message message = every_kind_of_block();
  for (std::size_t delta_bytes : {1, 2, 3, 7, 24, 1000}) {
    std::vector<Piece> pieces = message_events(message, delta_bytes);
    EXPECT_EQ(accumulate(parse_events(wire(pieces))), json::parse(message_json(message))) << delta_bytes;
    std::int64_t owed = 0;
    for (const Piece& piece : pieces)
      owed += piece.output_tokens;
    EXPECT_EQ(owed, message.usage.output) << delta_bytes;
  }
}

TEST(JsonText, PrefixEndsBetweenCharacters) {
  EXPECT_EQ(utf8_prefix("aé", 2), "a");
  EXPECT_EQ(utf8_prefix("é", 1), "é");
  EXPECT_EQ(utf8_prefix("日本", 3), "日");
  EXPECT_EQ(utf8_prefix("abc", 9), "abc");
}

Message answer_to(const std::string& body, simdjson::dom::parser& parser) {
  Question question;
  std::string padded = body;
  auto error = read_question(parser.parse(padded).value(), "2023-06-01", false, question);
  EXPECT_FALSE(error) << (error ? error->message : "");
  return answer(question, 7);
}

TEST(Answer, FollowsDirectives) {
  simdjson::dom::parser parser;
  Message tools = answer_to(R"({"model":"m","max_tokens":100,"tools":[{"name":"Write"},{"name":"w"}],"messages":[
    {"role":"user","content":[{"type":"text","text":"<system-reminder>[[read /x]]</system-reminder>"},
      {"type":"text","text":"[[write /tmp/a b \"c\"]] [[read /not/offered]] [[tool w {\"city\":\"Paris\"}]]"}]},
    {"role":"system","content":"mid"}]})",
                            parser);
  ASSERT_EQ(tools.content.size(), 2u);
  EXPECT_EQ(tools.stop_reason, "tool_use");
  EXPECT_EQ(json::parse(tools.content[0].input), json({{"file_path", "/tmp/a"}, {"content", "b \"c\""}}));
  EXPECT_EQ(json::parse(tools.content[1].input), json({{"city", "Paris"}}));
  EXPECT_NE(tools.content[0].id, tools.content[1].id);

  Message done = answer_to(R"({"model":"m","max_tokens":100,"tools":[{"name":"Write"}],"messages":[
    {"role":"user","content":"[[write /tmp/a b]]"},{"role":"assistant","content":[]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"ok"}]}]})",
                           parser);
  EXPECT_EQ(done.stop_reason, "end_turn");
  EXPECT_THAT(done.content.at(0).text, HasSubstr("Done"));
}

TEST(Answer, KeepsLimitsAndSchemas) {
  simdjson::dom::parser parser;
  Message cut = answer_to(R"({"model":"m","max_tokens":3,"messages":[{"role":"user","content":"x"}]})", parser);
  EXPECT_EQ(cut.stop_reason, "max_tokens");
  EXPECT_LE(cut.usage.output, 3);
  Message stopped = answer_to(
      R"({"model":"m","max_tokens":99,"stop_sequences":["zz","END"],"messages":[{"role":"user","content":"x END y"}]})",
      parser);
  EXPECT_EQ(stopped.stop_reason, "stop_sequence");
  EXPECT_EQ(stopped.stop_sequence, "END");
  Message title = answer_to(R"({"model":"m","max_tokens":99,"tools":[],"output_config":{"format":{"type":"json_schema",
    "schema":{"type":"object","properties":{"title":{"type":"string"},"kind":{"enum":["a"]}}}}},
    "messages":[{"role":"user","content":"x"}]})",
                            parser);
  EXPECT_EQ(json::parse(title.content.at(0).text), json({{"title", "Simulated session"}, {"kind", "a"}}));
}

TEST(Question, RefusesWhatTheApiRefuses) {
  struct Case {
    std::string body;
    std::string version;
    std::string message;
  };
  std::string forged = R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"assistant",
    "content":[{"type":"thinking","thinking":"changed","signature":")" +
                       signature_of("thought") + R"("}]}]})";
  for (const Case& c : {
           Case{"[]", "", "not a JSON object"},
           Case{R"({"max_tokens":1,"messages":[]})", "", "model: Field required"},
           Case{R"({"model":"m","messages":[]})", "", "max_tokens: Field required"},
           Case{R"({"model":"m","max_tokens":1})", "", "messages: Field required"},
           Case{R"({"model":"m","max_tokens":1,"messages":[]})", "", "at least one message"},
           Case{R"({"model":"m","max_tokens":1,"messages":[{"role":"system","content":"x"}]})", "", "top-level"},
           Case{R"({"model":"m","max_tokens":1,"temperature":1,"messages":[{"role":"user","content":"x"}]})",
                "2026-10-21", "temperature: Extra inputs are not permitted"},
           Case{forged, "", "messages.1.content.0: Invalid `signature` in `thinking` block"},
       }) {
    simdjson::dom::parser parser;
    Question question;
    auto error = read_question(parser.parse(c.body).value(), c.version, false, question);
    ASSERT_TRUE(error) << c.body;
    EXPECT_THAT(error->message, HasSubstr(c.message));
  }
}

TEST(LoadKnobs, ShapeTheStream) {
  std::string error;
  auto knobs = parse_load_knobs("events=5; bytes=40;delay_ms=2", error);
  ASSERT_TRUE(knobs) << error;
  Message message;
  std::vector<Piece> pieces = load_events(*knobs, message);
  json whole = accumulate(parse_events(wire(pieces)));
  EXPECT_EQ(whole["content"][0]["text"], std::string(200, 'x'));
  EXPECT_EQ(whole["usage"]["output_tokens"], 50);
  for (const char* wrong : {"evnts=5", "events", "events=-1", "events=1x"}) {
    EXPECT_FALSE(parse_load_knobs(wrong, error));
    EXPECT_THAT(error, HasSubstr(wrong));
  }
}

TEST(Script, NamesWhatIsWrong) {
  for (auto [script, named] : std::initializer_list<std::pair<const char*, const char*>>{
           {"[{]", "parse error"},
           {R"([{"stauts":200}])", "stauts"},
           {R"([{"status":"200"}])", "status"},
           {R"([{"break":{"how":"explode"}}])", "how"},
           {R"([{"sse":[{"delay_ms":3}]}])", "sse"},
           {R"([{"framing":"tcp"}])", "framing"},
       }) {
    std::string error;
    EXPECT_TRUE(parse_script(script, error).empty());
    EXPECT_THAT(error, HasSubstr(named));
  }
}

TEST(Script, StepsAreUsedInOrderByWhatTheyMatch) {
  std::string error;
  Script script;
  script.append(parse_script(R"([{"match":{"model":"b"},"status":500},{"repeat":2,"status":501},
    {"match":{"path":"/v1/models","header":{"X-A":"1"}},"repeat":0,"status":502}])",
                             error));
  ASSERT_EQ(error, "");
  Request request;
  request.target = "/v1/messages?beta=true";
  request.body = R"({"model":"a"})";
  EXPECT_EQ(script.take(request)->status, 501u);
  request.body = R"({"model":"b"})";
  EXPECT_EQ(script.take(request)->status, 500u);
  EXPECT_EQ(script.take(request)->status, 501u);
  EXPECT_FALSE(script.take(request));
  request.target = "/v1/models";
  EXPECT_FALSE(script.take(request));
  request.headers = {{"x-a", "1"}};
  EXPECT_EQ(script.take(request)->status, 502u);
  EXPECT_EQ(script.take(request)->status, 502u);
}

TEST(Script, BillsWhatItsEventsReport) {
  std::string error;
  auto steps = parse_script(R"([{"sse":[
    {"type":"message_start","message":{"id":"msg_9","usage":{"input_tokens":7,"output_tokens":1,
      "cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}}}},
    "data: {\"type\":\"message_delta\",\"usage\":{\"input_tokens\":null,\"output_tokens\":20}}\n\n"]}])",
                            error);
  ASSERT_EQ(error, "");
  const Step& step = steps.at(0);
  EXPECT_TRUE(step.billable);
  EXPECT_EQ(step.message_id, "msg_9");
  EXPECT_EQ(step.usage.input, 7);
  EXPECT_EQ(step.usage.cache_creation_5m, 4);
  EXPECT_EQ(step.usage.cache_creation_1h, 5);
  EXPECT_EQ(step.usage.output, 20);
  EXPECT_EQ(step.body->at(0).output_tokens, 1);
  EXPECT_EQ(step.body->at(1).output_tokens, 19);
}

TEST(Script, BillsCompactionsBesideTheSums) {
  std::string error;
  auto steps = parse_script(R"([{"sse":[
    {"type":"message_start","message":{"id":"m","usage":{"input_tokens":7,"output_tokens":1}}},
    {"type":"message_delta","usage":{"output_tokens":20,"iterations":[
      {"type":"compaction","input_tokens":900,"output_tokens":30},{"type":"message","input_tokens":7,"output_tokens":20},
      {"type":"advisor_message","model":"other","input_tokens":5,"output_tokens":5}]}},
    {"type":"message_delta","usage":{"output_tokens":21}}]}])",
                            error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(steps.at(0).usage.input, 907);
  EXPECT_EQ(steps.at(0).usage.output, 51);
}

}  // namespace
}  // namespace tollgate::simulator
