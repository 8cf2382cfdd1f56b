// The tool calls of one answer, as an upstream's deltas make them up: fragments of names and arguments, in any order.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <simdjson.h>

namespace tollgate::openai {

// Follows a JSON object as it comes, to know where it ends.
class ObjectProgress {
 public:
  void push(std::string_view json);

  // Something other than blanks came first: what follows is no object that can be passed on as it comes.
  bool foreign() const { return foreign_; }
  bool begun() const { return begun_; }
  bool complete() const { return begun_ && depth_ == 0; }
  // More than blanks came behind its end.
  bool overrun() const { return overrun_; }

 private:
  int depth_ = 0;
  bool begun_ = false;
  bool foreign_ = false;
  bool overrun_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

struct ToolCall {
  // As the upstream says them.
  std::optional<std::int64_t> index;
  std::string id;
  std::string name;
  // All of them so far, and how much of that has gone out.
  std::string arguments;
  std::size_t sent = 0;
  ObjectProgress progress;
  bool opened = false;

  void add(std::string_view fragment);
  // Its name is known and its input has begun, so that no more of the name can follow.
  bool ready() const { return !name.empty() && progress.begun() && !progress.foreign(); }
  bool complete() const { return progress.complete(); }
};

class ToolCalls {
 public:
  // Takes one element of a delta's `tool_calls`. Null when it says nothing. The call lives as long as this.
  ToolCall* take(const simdjson::dom::object& delta);
  // Takes the element at `position` of a message's: a call of its own, or the repetition of one of the `known` calls
  // that deltas have said before.
  ToolCall* take_whole(const simdjson::dom::object& element, std::size_t position, std::size_t known);
  // function_call, which came before tool_calls and knows one call.
  ToolCall* take_function(const simdjson::dom::object& function, bool whole);

  const std::deque<ToolCall>& all() const { return calls_; }
  bool empty() const { return calls_.empty(); }

 private:
  ToolCall* find(std::optional<std::int64_t> index, std::string_view id, std::string_view name);

  // References stay good.
  std::deque<ToolCall> calls_;
};

}  // namespace tollgate::openai
