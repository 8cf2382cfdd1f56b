#include "services/router/prompt_traits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

namespace tollgate::router {

void PrintTo(const PromptTraits& t, std::ostream* out) {
  *out << "cache_control " << t.cache_control << " one_hour " << t.one_hour << " unbounded " << t.unbounded
       << " compaction " << t.compaction << " hidden " << t.hidden << " images " << t.images << " client "
       << t.client_tools << " search " << t.search_tools << " advisor " << t.advisor_tools << " server "
       << t.other_server_tools;
}

namespace {

// The same by a full parser: no bytes, only strings.
struct Oracle : nlohmann::json_sax<nlohmann::json> {
  PromptTraits traits;
  bool type_expected = false;

  void take(const std::string& text) {
    traits.cache_control |= text == "cache_control";
    traits.one_hour |= text == "1h";
  }
  bool key(string_t& text) override {
    take(text);
    type_expected = text == "type";
    return true;
  }
  bool string(string_t& text) override {
    take(text);
    if (std::exchange(type_expected, false)) {
      traits.images += text == "image";
      traits.unbounded |= text == "document" || text == "url" || text == "file";
      traits.compaction |= text.rfind("compact_", 0) == 0;
      const ToolKind kind = tool_kind(text);
      traits.client_tools += kind == ToolKind::kClient;
      traits.search_tools += kind == ToolKind::kSearch;
      traits.advisor_tools += kind == ToolKind::kAdvisor;
      traits.other_server_tools += kind == ToolKind::kServer;
    }
    return true;
  }
  bool other() {
    type_expected = false;
    return true;
  }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool start_object(std::size_t) override { return other(); }
  bool start_array(std::size_t) override { return other(); }
  bool end_object() override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }
};

// True when an escape by number stands for a letter, a digit or an underscore: escapes are read from left to right.
bool hides(const std::string& json) {
  for (std::size_t i = 0; i + 1 < json.size(); ++i) {
    if (json[i] != '\\')
      continue;
    ++i;
    if (json[i] != 'u')
      continue;
    const unsigned long code = std::stoul(json.substr(i + 1, 4), nullptr, 16);
    if (code < 128 && (std::isalnum(static_cast<int>(code)) || code == '_'))
      return true;
  }
  return false;
}

PromptTraits oracle(const std::string& json) {
  Oracle oracle;
  EXPECT_TRUE(nlohmann::json::sax_parse(json, &oracle)) << json;
  oracle.traits.hidden = hides(json);
  return oracle.traits;
}

TEST(PromptTraits, FindsWhatMatters) {
  PromptTraits expected;
  expected.cache_control = true;
  expected.one_hour = true;
  expected.images = 2;
  expected.client_tools = 1;
  expected.search_tools = 1;
  const std::string body = R"({"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}],
    "tools":[{"type":"web_search_20250305","name":"web_search"},{"type" : "bash_20250124","name":"bash"}],
    "messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AA"}},
      {"type":"tool_result","content":[{"source":{}, "type":
      "image"}]}]}]})";
  EXPECT_EQ(prompt_traits(body), expected);
  EXPECT_EQ(oracle(body), expected);
}

TEST(PromptTraits, TextIsNotStructure) {
  const std::string body =
      R"({"messages":[{"role":"user","content":"set \"cache_control\": {\"ttl\": \"1h\"} and {\"type\": \"image\"}"}],)"
      R"("stop_sequences":["type",":","image","\"type","\\"],"a\"type":"image","cache_controls":"1hour","1h ":"x"})";
  EXPECT_EQ(prompt_traits(body), PromptTraits());
  EXPECT_EQ(oracle(body), PromptTraits());
}

TEST(PromptTraits, SourcesAndDocumentsAreUnbounded) {
  for (const char* type : {"document", "url", "file"}) {
    EXPECT_TRUE(prompt_traits(std::string(R"({"type":")") + type + "\"}").unbounded) << type;
    EXPECT_FALSE(prompt_traits(std::string(R"({"kind":")") + type + "\"}").unbounded) << type;
  }
  EXPECT_FALSE(prompt_traits(R"({"type":"base64"})").unbounded);
}

TEST(PromptTraits, KindsOfTools) {
  const std::pair<const char*, ToolKind> cases[] = {
      {"", ToolKind::kNone},
      {"custom", ToolKind::kNone},
      {"string", ToolKind::kNone},
      {"tool_use", ToolKind::kNone},
      {"web_search_tool_result", ToolKind::kNone},
      {"20250305", ToolKind::kNone},
      {"_20250305", ToolKind::kNone},
      {"clear_tool_uses_20250919", ToolKind::kNone},
      {"compact_20260112", ToolKind::kNone},
      {"bash_20250124", ToolKind::kClient},
      {"text_editor_20250728", ToolKind::kClient},
      {"computer_20251124", ToolKind::kClient},
      {"memory_20250818", ToolKind::kClient},
      {"browser_toolset_20260801", ToolKind::kClient},
      {"web_search_20250305", ToolKind::kSearch},
      {"advisor_20260301", ToolKind::kAdvisor},
      {"web_fetch_20250910", ToolKind::kServer},
      {"code_execution_20250825", ToolKind::kServer},
      {"tool_search_tool_regex_20251119", ToolKind::kServer},
      {"mcp_toolset", ToolKind::kServer},
      {"something_new_20280101", ToolKind::kServer},
  };
  for (const auto& [type, kind] : cases)
    EXPECT_EQ(tool_kind(type), kind) << type;
}

TEST(PromptTraits, EscapedWordsHideNothing) {
  for (const char* body : {R"({"cache\u005fcontrol":{}})", R"({"\u0074ype":"image"})", R"({"type":"\u0069mage"})",
                           R"({"ttl":"\u0031h"})", R"({"x":"\\\u0041"})", R"({"x":"\u004A"})", R"({"x":"\u007a"})",
                           R"({"x":"\u0030"})", R"({"x":"\u0039"})", R"({"x":"\u005A"})", R"({"x":"\u0061"})"})
    EXPECT_TRUE(prompt_traits(body).hidden) << body;
  for (const char* body : {R"({"x":"\u003c\u003e\u0026\u0027\u0022\u005c\u0000\u001f\u007f"})", R"({"x":"\\u0041"})",
                           R"({"x":"\\\\u005f"})", R"({"x":"\u00e9\u4141\u3061\ud83d\ude00"})",
                           R"({"x":"\u002f\u003a\u0040\u005b\u0060\u007b"})", R"({"x":"u0041"})"})
    EXPECT_FALSE(prompt_traits(body).hidden) << body;
}

// What is no JSON is refused elsewhere; here it must only not be read beyond its end.
TEST(PromptTraits, StaysWithinItsBytes) {
  const std::string whole = R"({"type" : "image","cache_control":"1h","\u005f":"\\\\\\u0041"})";
  for (std::size_t begin = 0; begin <= whole.size(); ++begin) {
    for (std::size_t end = begin; end <= whole.size(); ++end) {
      // A copy of its own, so that a sanitizer sees a read beyond it.
      const std::vector<char> part(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                                   whole.begin() + static_cast<std::ptrdiff_t>(end));
      prompt_traits(std::string_view(part.data(), part.size()));
    }
  }
}

// Random documents out of the words that matter, at every alignment: the bytes say what a full parser says.
TEST(PromptTraits, AgreesWithAFullParser) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> words = {"type",
                                          "cache_control",
                                          "1h",
                                          "image",
                                          "document",
                                          "url",
                                          "file",
                                          "web_search_20250305",
                                          "bash_20250124",
                                          "advisor_20260301",
                                          "compact_20260112",
                                          "web_fetch_20250910",
                                          "text",
                                          "t",
                                          "c",
                                          "1",
                                          "\\\"",
                                          "\\\\",
                                          "\\\\\\\"",
                                          "\\n",
                                          "\\u005f",
                                          "\\u0041",
                                          "\\u00e9",
                                          "\\u003c",
                                          "\\\\u0041",
                                          ":",
                                          "é",
                                          " ",
                                          ""};
  const auto text = [&] {
    std::string out = "\"";
    for (std::size_t i = pick(8) == 0 ? pick(4) : 1; i > 0; --i)
      out += words[pick(words.size())];
    return out + "\"";
  };
  const auto space = [&] { return std::string(pick(3) == 0 ? pick(20) : 0, " \n\t\r"[pick(4)]); };
  const std::function<std::string(int)> value = [&](int depth) -> std::string {
    const std::size_t kind = depth > 4 ? pick(3) : pick(6);
    if (kind < 2)
      return text();
    if (kind == 2)
      return std::vector<std::string>{"1", "null", "true", "-1.5e3"}[pick(4)];
    const bool object = kind < 5;
    std::string out = object ? "{" : "[";
    for (std::size_t i = pick(4); i > 0; --i) {
      if (out.size() > 1)
        out.append(",").append(space());
      if (object)
        out += (pick(2) ? std::string("\"type\"") : text()) + space() + ":" + space();
      out += value(depth + 1) + space();
    }
    return out + (object ? "}" : "]");
  };
  int interesting = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string body = fmt::format("{{{}\"x\":{}}}", space(), value(0));
    const PromptTraits expected = oracle(body);
    // What is hidden may be missed: the flag is all that counts then.
    if (expected.hidden)
      ASSERT_TRUE(prompt_traits(body).hidden) << body;
    else
      ASSERT_EQ(prompt_traits(body), expected) << body;
    interesting += expected == PromptTraits() ? 0 : 1;
  }
  EXPECT_GT(interesting, 2'000);
}

}  // namespace
}  // namespace tollgate::router
