// The events of the Messages API as the chunks of a chat completion. Pure.
// Source: https://platform.openai.com/docs/api-reference/chat-streaming
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/openai/chat_request.h"
#include "gateway/openai/completion.h"

namespace tollgate::chat {

// Whatever comes in, what goes out is: one chunk with the role, deltas, one chunk with a finish_reason, the usage if it
// was asked for, [DONE]; or an error chunk as the last one, at any place.
class ChatStream {
 public:
  ChatStream(ChatOptions options, CompletionHead head) : options_(options), head_(std::move(head)) {}

  // Takes whole events and appends the chunks that they become.
  void push(std::string_view events, std::string& out);
  // The stream has ended well as far as the upstream goes.
  void finish(std::int64_t cost_nano_usd, std::string& out);

  // An error chunk has ended it.
  bool failed() const { return failed_; }

 private:
  struct Call {
    std::uint64_t index = 0;
    bool any_arguments = false;
  };

  void take(std::string_view data, std::string& out);
  void take_start(const simdjson::dom::object& event, std::string& out);
  void take_block(const simdjson::dom::object& event, std::string& out);
  void take_delta(const simdjson::dom::object& event, std::string& out);
  void take_block_end(const simdjson::dom::object& event, std::string& out);
  void take_message_delta(const simdjson::dom::object& event);
  void end_message(std::string& out);
  void fail(std::string_view type, std::string_view message, std::string& out);

  void begin(std::string& out);
  // A chunk with one choice; write_delta(json) writes the members of its delta.
  template <class WriteDelta>
  void chunk(std::string& out, WriteDelta write_delta, std::string_view stop_reason = {});
  void content(std::string_view text, std::string& out);
  void reasoning(std::uint64_t index, std::string_view type, std::string_view member, std::string_view text,
                 std::string& out);
  void arguments(Call& call, std::string_view text, std::string& out);

  const ChatOptions options_;
  CompletionHead head_;
  simdjson::dom::parser parser_;
  ChatUsage usage_;
  std::string stop_reason_;
  // Of the tool_use blocks by their index.
  std::map<std::uint64_t, Call> calls_;
  bool begun_ = false;
  // The chunk with the finish_reason is out.
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace tollgate::chat
