#include "services/router/request_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;

RequestScan scan(std::string body) {
  absl::StatusOr<RequestScan> result = scan_request(body);
  EXPECT_TRUE(result.ok()) << body << ": " << result.status();
  return result.value_or(RequestScan());
}

std::string refusal(std::string body) {
  const absl::StatusOr<RequestScan> result = scan_request(body);
  EXPECT_FALSE(result.ok()) << body;
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << body;
  return std::string(result.status().message());
}

// The body with the router's members cut out.
std::string cut(std::string body) {
  const RequestScan result = scan(body);
  std::string out;
  std::size_t at = 0;
  for (const Span& span : result.removed) {
    EXPECT_LE(at, span.offset);
    out += body.substr(at, span.offset - at);
    at = span.offset + span.length;
  }
  return out + body.substr(at);
}

TEST(RequestScan, FindsWhatIsActedOn) {
  const RequestScan result =
      scan(R"({"max_tokens":1024,"messages":[{"role":"system","content":"model: x","output_config":{}}],"stream":true,)"
           R"("model":"anthropic/claude-sonnet-4:nitro","metadata":{"user_id":"u","model":"inner"}})");
  EXPECT_EQ(result.model, "anthropic/claude-sonnet-4:nitro");
  EXPECT_EQ(result.max_tokens, 1024);
  EXPECT_TRUE(result.stream);
  EXPECT_TRUE(result.removed.empty());
}

TEST(RequestScan, TheModelsPlaceIsExact) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"model":"a"})", "\"a\""},
      {R"({ "model" :  "a\"b" , "x":1})", R"("a\"b")"},
      {R"({"x":[{"model":"no"}],"mod\u0065l"  :"é"})", "\"é\""},
  };
  for (const auto& [body, value] : cases) {
    const RequestScan result = scan(body);
    EXPECT_EQ(body.substr(result.model_value.offset, result.model_value.length), value) << body;
  }
  EXPECT_EQ(scan(R"({"model":"a\"b"})").model, "a\"b");
}

TEST(RequestScan, ReadsWhatDecidesTheCost) {
  const std::string body =
      R"({"speed":"f\u0061st","tools" : [{"name":"x"}] ,"model":"m","mcp_servers":[{"type":"url"}],"a":{"speed":"no"}})";
  const RequestScan result = scan(body);
  EXPECT_EQ(result.speed, "fast");
  EXPECT_EQ(body.substr(result.tools.offset, result.tools.length), R"([{"name":"x"}])");
  EXPECT_TRUE(result.mcp_servers);
  const RequestScan none = scan(R"({"model":"m","speed":null,"mcp_servers":null})");
  EXPECT_EQ(none.speed, "");
  EXPECT_EQ(none.tools.length, 0u);
  EXPECT_FALSE(none.mcp_servers);
}

TEST(RequestScan, MaxTokensThatIsNoCountIsLeftToTheUpstream) {
  for (const char* value : {"-1", "1.5", "\"9\"", "null", "1e999", "99999999999999999999999", "{}"})
    EXPECT_FALSE(scan(std::string(R"({"model":"m","max_tokens":)") + value + "}").max_tokens.has_value()) << value;
  EXPECT_EQ(scan(R"({"model":"m","max_tokens":0})").max_tokens, 0);
}

TEST(RequestScan, CutsTheRoutersMembersWithOneCommaEach) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"model":"m","provider":{"only":["a"]},"x":1})", R"({"model":"m","x":1})"},
      {R"({"provider":{},"model":"m"})", R"({"model":"m"})"},
      {R"({"provider":{} , "models":[] ,"model":"m","x":1})", R"({"model":"m","x":1})"},
      {R"({"model":"m" , "session_id":"s"})", R"({"model":"m"})"},
      {R"({ "trace":1,"model":"m","plugins":[1,2],"route":"x","transforms":[]})", R"({ "model":"m"})"},
      {R"({"fallbacks":[{"model":"x"}],"model":"m"})", R"({"model":"m"})"},
      {R"({"model":"m","x":{"provider":1}})", R"({"model":"m","x":{"provider":1}})"},
      {R"({"model":"m","prov\u0069der":{"ignore":[]},"y":"}"})", R"({"model":"m","y":"}"})"},
  };
  for (const auto& [body, expected] : cases)
    EXPECT_EQ(cut(body), expected) << body;
}

TEST(RequestScan, ReadsProviderPreferencesAndModels) {
  const RequestScan result = scan(R"({"model":"m","models":["a","b"],"provider":{"order":["x","y"],"only":["x"],
    "ignore":["z"],"allow_fallbacks":false}})");
  EXPECT_THAT(result.models, testing::ElementsAre("a", "b"));
  EXPECT_THAT(result.provider.order, testing::ElementsAre("x", "y"));
  EXPECT_THAT(result.provider.only, testing::Optional(testing::ElementsAre("x")));
  EXPECT_THAT(result.provider.ignore, testing::ElementsAre("z"));
  EXPECT_FALSE(result.provider.allow_fallbacks);
  EXPECT_TRUE(scan(R"({"model":"m","provider":null,"models":null,"stream":null})").provider.allow_fallbacks);
}

TEST(RequestScan, ReadsFallbacksAndTheSession) {
  const std::string body = R"({"model":"m","fallbacks":[{"model":"b"},{"model":"c\u0021"}],"session_id":"s 1",
    "metadata":{"user_id":"u"},"system":"sys","messages":[{}]})";
  const RequestScan result = scan(body);
  EXPECT_THAT(result.models, testing::ElementsAre("b", "c!"));
  EXPECT_EQ(result.session_id, "s 1");
  const auto part = [&](const Span& span) { return body.substr(span.offset, span.length); };
  EXPECT_EQ(part(result.metadata), R"({"user_id":"u"})");
  EXPECT_EQ(part(result.system), R"("sys")");
  EXPECT_EQ(part(result.messages), "[{}]");
  EXPECT_THAT(scan(R"({"model":"m","models":[],"fallbacks":[{"model":"b"}]})").models, testing::ElementsAre("b"));
}

TEST(RequestScan, ListsTheMembersThatNotEveryEndpointTakes) {
  const RequestScan result = scan(R"({"model":"m","max_tokens":1,"stream":true,"system":"","messages":[],"tools":[],
    "thinking":{"type":"adaptive"},"top_k":null,"provider":{},"fallbacks":null,"new_member":0})");
  EXPECT_THAT(result.parameters, testing::ElementsAre("tools", "thinking", "new_member"));
  std::string many = R"({"model":"m")";
  for (int i = 0; i < 1000; ++i)
    many += ",\"p" + std::to_string(i) + "\":1";
  EXPECT_EQ(scan(many + "}").parameters.size(), 64u);
}

TEST(RequestScan, RefusesWhatCannotBeActedOn) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"\"model\"", "not a JSON object"},
      {"\xef\xbb\xbf{\"model\":\"m\"}", "JSON"},
      {"{", "JSON"},
      {"{}", "model: this member is required"},
      {R"({"model":"m","route":"a":"b"})", "JSON"},
      {R"({"model":"m":"n"})", "JSON"},
      {R"({"model":1})", "model: expected the name"},
      {R"({"model":""})", "model: expected the name"},
      {R"({"model":null})", "model: expected the name"},
      {R"({"model":"a","model":"b"})", "model: this member stands twice"},
      {R"({"model":"a","mod\u0065l":"b"})", "model: this member stands twice"},
      {R"({"model":"a","max_tokens":1,"max_tokens":9})", "max_tokens: this member stands twice"},
      {R"({"model":"a","stream":true,"stream":false})", "stream: this member stands twice"},
      {R"({"model":"a","speed":"fast","sp\u0065ed":"standard"})", "speed: this member stands twice"},
      {R"({"model":"a","tools":[],"tools":[{}]})", "tools: this member stands twice"},
      {R"({"model":"a","mcp_servers":[],"mcp_servers":null})", "mcp_servers: this member stands twice"},
      {R"({"model":"a","speed":["fast"]})", "speed: expected a string"},
      {R"({"model":"a","stream":"yes"})", "stream: expected true or false"},
      {R"({"model":"a","models":"b"})", "models: expected an array of at most 16 strings"},
      {R"({"model":"a","models":[1]})", "models: expected an array of at most 16 strings"},
      {R"({"model":"a","models":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]})",
       "models: expected an array of at most 16 strings"},
      {R"({"model":"a","models":["b"],"models":["c"]})", "models: this member stands twice"},
      {R"({"model":"a","fallbacks":["b"]})", "fallbacks: expected an array of at most 3 objects"},
      {R"({"model":"a","fallbacks":{"model":"b"}})", "fallbacks: expected an array"},
      {R"({"model":"a","fallbacks":[{}]})", "fallbacks: expected an array"},
      {R"({"model":"a","fallbacks":[{"model":7}]})", "fallbacks: expected an array"},
      {R"({"model":"a","fallbacks":[{"model":"b","max_tokens":1}]})", "fallbacks: expected an array"},
      {R"({"model":"a","fallbacks":[{"model":"b","model":"c"}]})", "fallbacks: expected an array"},
      {R"({"model":"a","fallbacks":[{"model":"b"},{"model":"c"},{"model":"d"},{"model":"e"}]})", "at most 3 objects"},
      {R"({"model":"a","fallbacks":[{"model":"b"}],"models":["c"]})", "fallbacks: this member and models do not go"},
      {R"({"model":"a","session_id":1})", "session_id: expected a string of at most 256 bytes"},
      {R"({"model":"a","session_id":")" + std::string(257, 's') + "\"}", "session_id: expected a string"},
      {R"({"model":"a","session_id":"s","session_id":"t"})", "session_id: this member stands twice"},
      {R"({"model":"a","provider":[]})", "provider: expected an object"},
      {R"({"model":"a","provider":{"only":"x"}})", "provider.only: expected an array"},
      {R"({"model":"a","provider":{"allow_fallbacks":"no"}})", "provider.allow_fallbacks: expected true or false"},
      {R"({"model":"a","provider":{"sorted":1}})", "provider.sorted: this preference is not known"},
      {"{\"model\":\"\xff\"}", "UTF-8"},
      {R"({"model":"a")", "JSON"},
      {R"({"model":"a" "x":1})", "JSON"},
  };
  for (const auto& [body, expected] : cases)
    EXPECT_THAT(refusal(body), HasSubstr(expected)) << body;
}

TEST(RequestScan, DeepNestingIsPassedOver) {
  const std::string deep(100'000, '[');
  std::string body = R"({"model":"m","x":)" + deep + std::string(100'000, ']') + "}";
  // Either verdict will do; a crash will not.
  (void)scan_request(body);
}

// Random documents: what the scan finds and cuts is what a full parser finds and removes.
TEST(RequestScan, AgreesWithAFullParser) {
  std::mt19937 random(20261124);
  const char* names[] = {"model", "provider", "models", "session_id", "trace",    "stream", "max_tokens",
                         "a",     "b\"c",     "d\\u00", "plugins",    "messages", "é"};
  const char* spaces[] = {"", " ", "\n\t", ""};
  for (int round = 0; round < 5000; ++round) {
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const auto space = [&] { return std::string(spaces[pick(4)]); };
    std::vector<std::string> members(std::begin(names), std::end(names));
    std::shuffle(members.begin(), members.end(), random);
    members.resize(1 + pick(members.size()));
    std::string body = space() + "{";
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::string& name = members[i];
      std::string value;
      if (name == "model")
        value = ordered_json("m" + std::string(pick(4), '"')).dump();
      else if (name == "stream")
        value = pick(2) ? "true" : "false";
      else if (name == "max_tokens")
        value = std::to_string(pick(100000));
      else if (name == "models")
        value = R"(["x" , "y,]"])";
      else if (name == "session_id")
        value = R"("s,\"}")";
      else if (name == "provider")
        value = R"({"only":["p}"] })";
      else
        value =
            std::vector<std::string>{R"({"k":[1,{"model":"z"}]})", "[]", "{}", R"("s,}\"")", "null", "-1.5e3"}[pick(6)];
      body += (i ? "," : "") + space() + ordered_json(name).dump() + space() + ":" + space() + value + space();
    }
    body += "}" + space();

    ordered_json document = ordered_json::parse(body);
    std::string copy = body;
    const absl::StatusOr<RequestScan> result = scan_request(copy);
    ASSERT_EQ(result.ok(), document.contains("model")) << body;
    if (!result.ok())
      continue;
    EXPECT_EQ(result->model, document["model"].get<std::string>()) << body;
    EXPECT_EQ(result->stream, document.value("stream", false)) << body;
    EXPECT_EQ(result->max_tokens.value_or(-1), document.value("max_tokens", -1)) << body;
    for (const char* own : {"provider", "models", "session_id", "trace", "plugins"})
      document.erase(own);
    EXPECT_EQ(ordered_json::parse(cut(body)), document) << body;
  }
}

}  // namespace
}  // namespace tollgate::router
