// Which thinking blocks leave a conversation's history, and what is left.
#include "services/provider_adapter/anthropic/thinking.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace tollgate::anthropic {
namespace {

using json = nlohmann::ordered_json;

std::string edited(const std::string& body, const std::vector<v1::Edit>& edits) {
  std::string out;
  std::size_t at = 0;
  for (const v1::Edit& edit : edits) {
    EXPECT_GE(edit.offset(), at);
    out.append(body, at, edit.offset() - at).append(edit.replacement());
    at = edit.offset() + edit.length();
  }
  return out.append(body, at);
}

// With the blocks gone whose signature begins with "x".
std::string without(const std::string& body) {
  const ThinkingCut cut = cut_thinking(body, [](std::string_view signature) { return signature.substr(0, 1) == "x"; });
  EXPECT_EQ(cut.blocks, cut.signatures.size());
  return edited(body, cut.edits);
}

TEST(Thinking, WhatIsCut) {
  const std::string thought = R"({"type":"thinking","thinking":"hm","signature":"x1"})";
  const std::string kept = R"({"type":"thinking","thinking":"hm","signature":"k1"})";
  const std::string redacted = R"({"type":"redacted_thinking","data":"x2"})";
  const std::string text = R"({"type":"text","text":"a ] } , \" b"})";
  const std::string call = R"({"type":"tool_use","id":"t","name":"n","input":{"a":[1,{"b":2}]}})";
  const auto turn = [](const std::string& blocks) { return R"({"role":"assistant","content":[)" + blocks + "]}"; };
  const std::string user = R"({"role":"user","content":"hi"})";
  const auto body = [](const std::string& messages, const std::string& more = "") {
    return R"({"model":"m","messages":[)" + messages + "]" + more + "}";
  };
  const std::string enabled = R"(,"thinking":{"type":"enabled","budget_tokens":2000})";
  const std::string adaptive = R"(,"thinking":{"type":"adaptive"})";
  const std::string edits = R"(,"context_management":{"edits":[{"type":"clear_thinking_20251015"}]})";
  const struct {
    const char* name;
    std::string before;
    std::string after;
  } cases[] = {
      {"first", body(user + "," + turn(thought + " , " + text)), body(user + "," + turn(text))},
      {"last", body(turn(text + " , " + thought)), body(turn(text))},
      {"between", body(turn(text + "," + thought + ", " + redacted + ",\n" + call)), body(turn(text + "," + call))},
      {"all but the middle", body(turn(thought + "," + text + "," + redacted)), body(turn(text))},
      {"another's stays", body(turn(kept + "," + text)), body(turn(kept + "," + text))},
      {"a turn of nothing else", body(user + "," + turn(thought) + "," + user), body(user + "," + user)},
      {"the last turn of nothing else", body(user + "," + turn(thought + "," + redacted)), body(user)},
      {"a user's block is none", body(R"({"role":"user","content":[)" + thought + "]}"),
       body(R"({"role":"user","content":[)" + thought + "]}")},
      {"text content", body(R"({"role":"assistant","content":"x"})"), body(R"({"role":"assistant","content":"x"})")},
      {"white space",
       "{\"messages\" : [ {\"content\" : [ " + thought + " , " + text + " ] , \"role\" : \"assistant\" } ] }\n",
       "{\"messages\" : [ {\"content\" : [ " + text + " ] , \"role\" : \"assistant\" } ] }\n"},
      {"thinking goes with a tool loop's", body(turn(thought + "," + call) + "," + user, enabled + edits),
       body(turn(call) + "," + user, R"(,"thinking":{"type":"disabled"},"context_management":{"edits":[]})")},
      {"adaptive thinking does not insist", body(turn(thought + "," + call) + "," + user, adaptive + edits),
       body(turn(call) + "," + user, adaptive + edits)},
      {"a loop that ended", body(turn(thought + "," + call) + "," + user + "," + turn(text) + "," + user, enabled),
       body(turn(call) + "," + user + "," + turn(text) + "," + user, enabled)},
      {"a later thought stays", body(turn(kept + "," + thought + "," + call) + "," + user, enabled),
       body(turn(kept + "," + call) + "," + user, enabled)},
  };
  for (const auto& one : cases)
    EXPECT_EQ(without(one.before), one.after) << one.name;
}

TEST(Thinking, WhatCannotBeReadIsLeft) {
  for (const char* body :
       {"", "[]", "{", R"({"messages":3})", R"({"messages":[3]})", R"({"messages":[{"role":"assistant",
      "content":[{"type":"thinking","signature":"x"},3]}]})",
        R"({"messages":[{"role":"assistant","content":[{"type":"thinking","signature":"x"}]})"})
    EXPECT_EQ(without(body), body);
}

// Against a parser that takes the document apart.
TEST(Thinking, LeavesTheRestAsItWas) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned n) { return random() % n; };
  for (int round = 0; round < 3000; ++round) {
    json before = {{"messages", json::array()}};
    json after = {{"messages", json::array()}};
    for (unsigned m = below(5); m > 0; --m) {
      json whole = json::array();
      json rest = json::array();
      for (unsigned b = below(5); b > 0; --b) {
        const unsigned kind = below(4);
        json block = kind == 0   ? json{{"type", "text"}, {"text", fmt::format("]{}\",", b)}}
                     : kind == 1 ? json{{"type", "tool_use"}, {"input", {{"a", json::array({1, b})}}}}
                     : kind == 2 ? json{{"type", "thinking"}, {"thinking", "}"}, {"signature", below(2) ? "x" : "k"}}
                                 : json{{"type", "redacted_thinking"}, {"data", below(2) ? "x" : "k"}};
        whole.push_back(block);
        if (block.value("signature", "") != "x" && block.value("data", "") != "x")
          rest.push_back(block);
      }
      before["messages"].push_back({{"role", "assistant"}, {"content", whole}});
      if (!rest.empty() || whole.empty())
        after["messages"].push_back({{"role", "assistant"}, {"content", rest}});
    }
    const std::string out = without(before.dump(below(3) ? -1 : 1));
    ASSERT_EQ(json::parse(out), after) << before.dump();
  }
}

TEST(Thinking, WhichErrorsRefuseIt) {
  for (const char* text :
       {"messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block: signature",
        "messages.3.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message "
        "cannot be modified. These blocks must remain as they were in the original response.",
        "The thinking block is bound to a different conversation"})
    EXPECT_TRUE(refuses_thinking(text)) << text;
  for (const char* text : {"thinking: Input should be a valid dictionary", "signature",
                           "max_tokens must be greater than "
                           "`thinking.budget_tokens`",
                           "prompt is too long"})
    EXPECT_FALSE(refuses_thinking(text)) << text;
}

TEST(Thinking, RefusedSignaturesAreForgotten) {
  RefusedSignatures refused;
  const SteadyClock::time_point start{};
  refused.add("a", start);
  refused.add("b", start);
  EXPECT_TRUE(refused.contains("a", start + std::chrono::minutes(59)));
  EXPECT_TRUE(refused.contains("a", start + std::chrono::minutes(90)));
  EXPECT_FALSE(refused.contains("b", start + std::chrono::minutes(90)));
  for (std::size_t i = 0; i < RefusedSignatures::kMax; ++i)
    refused.add(fmt::format("{}", i), start + std::chrono::minutes(91));
  EXPECT_FALSE(refused.contains("a", start + std::chrono::minutes(91)));
  EXPECT_FALSE(refused.contains("0", start + std::chrono::hours(3)));
  EXPECT_TRUE(refused.empty());
}

TEST(Thinking, EditsAreAddedInTheirOrder) {
  v1::SendRequest request;
  for (const std::uint64_t offset : {5, 50})
    request.add_edits()->set_offset(offset);
  std::vector<v1::Edit> edits(2);
  edits[0].set_offset(20);
  edits[1].set_offset(60);
  add_edits(edits, request);
  std::string order;
  for (const v1::Edit& edit : request.edits())
    order += fmt::format("{} ", edit.offset());
  EXPECT_EQ(order, "5 20 50 60 ");
}

}  // namespace
}  // namespace tollgate::anthropic
