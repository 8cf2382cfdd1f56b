#include "services/router/server_tools.h"

#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

struct Case {
  const char* tools;
  // Beside the tools, anywhere in the body.
  const char* rest;
  bool mcp;
  std::int64_t uses, searches, advices;
};

TEST(ServerTools, Uses) {
  const Case cases[] = {
      {"", "{}", false, 0, 0, 0},
      {"[]", "{}", false, 0, 0, 0},
      {R"([{"name":"a","input_schema":{"type":"object"}},{"type":"bash_20250124","name":"bash"}])", "{}", false, 0, 0,
       0},
      {R"([{"type":"web_search_20250305","name":"web_search","max_uses":8}])", "{}", false, 8, 8, 0},
      {R"([{"type":"web_search_20250305","name":"web_search"}])", "{}", false, 10, 10, 0},
      {R"([{"max_uses":3,"type":"web_fetch_20250910"}])", "{}", false, 3, 0, 0},
      {R"([{"type":"web_fetch_20250910","max_uses":0}])", "{}", false, 0, 0, 0},
      {R"([{"type":"advisor_20260301","model":"m","max_uses":2},{"type":"code_execution_20250825"}])", "{}", false, 12,
       0, 2},
      // No number at all, or none that counts.
      {R"([{"type":"web_search_20250305","max_uses":null}])", "{}", false, 10, 10, 0},
      {R"([{"type":"web_search_20250305","max_uses":-1}])", "{}", false, 10, 10, 0},
      {R"([{"type":"web_search_20250305","max_uses":1.5}])", "{}", false, 10, 10, 0},
      {R"([{"type":"web_search_20250305","max_uses":9999999}])", "{}", false, 1000, 1000, 0},
      // Given twice: the larger, the dearer.
      {R"([{"type":"web_search_20250305","max_uses":9,"max_uses":2}])", "{}", false, 9, 9, 0},
      {R"([{"type":"custom","type":"web_search_20250305","max_uses":4}])", "{}", false, 4, 4, 0},
      // Another tool's number is not this one's, nor is one deeper down.
      {R"([{"type":"web_search_20250305","user_location":{"max_uses":1}},{"name":"x","max_uses":2}])", "{}", false, 10,
       10, 0},
      // Declared where this does not look.
      {"[]", R"({"type":"web_search_20250305","max_uses":1})", false, 10, 10, 0},
      {R"([{"type":"web_search_20250305","max_uses":1}])", R"({"type":"advisor_20260301"})", false, 11, 1, 10},
      {R"({"type":"web_search_20250305","max_uses":1})", "{}", false, 10, 10, 0},
      {R"([5,{"type":"web_search_20250305","max_uses":1}])", "{}", false, 10, 10, 0},
      // MCP servers, and what is hidden.
      {"", "{}", true, 10, 0, 0},
      {"", R"({"\u0074ype":1})", false, 30, 10, 10},
      {R"([{"type":"web_search_20250305","max\u005fuses":1}])", "{}", false, 31, 11, 10},
  };
  for (const Case& c : cases) {
    const std::string tools = c.tools;
    const std::string body = "{\"tools\":" + (tools.empty() ? "null" : tools) + ",\"rest\":" + c.rest + "}";
    const ServerTools found = server_tools(tools, prompt_traits(body), c.mcp);
    EXPECT_EQ(found.uses, c.uses) << body;
    EXPECT_EQ(found.searches, c.searches) << body;
    EXPECT_EQ(found.advices, c.advices) << body;
  }
}

TEST(ServerTools, ManyAreStillANumber) {
  std::string tools = "[";
  for (int i = 0; i < 5'000; ++i)
    tools += std::string(i > 0 ? "," : "") + R"({"type":"web_search_20250305","max_uses":1000})";
  tools += "]";
  const ServerTools found = server_tools(tools, prompt_traits(tools), true);
  EXPECT_EQ(found.uses, 1'000);
  EXPECT_EQ(found.searches, 1'000);
}

}  // namespace
}  // namespace tollgate::router
