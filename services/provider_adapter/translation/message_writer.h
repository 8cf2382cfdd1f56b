// An answer as the one JSON object that the Messages API gives without a stream.
#pragma once

#include <string>

#include "services/provider_adapter/translation/answer_writer.h"

namespace tollgate::translation {

class MessageWriter : public AnswerWriter {
 public:
  // The message, or the error that it ended with; empty before it ended.
  std::string take() { return std::move(json_); }

 private:
  void write_start(std::string_view id, std::string_view model, const TokenCounts& usage) override;
  void write_open(Open kind, std::size_t index, std::string_view id, std::string_view name) override;
  void write_delta(Open kind, std::size_t index, std::string_view delta) override;
  void write_signature(std::size_t index, std::string_view signature) override;
  void write_redacted(std::size_t index, std::string_view data) override;
  // The input of a tool that is no JSON object (its answer was cut) becomes an empty one: no tool takes that for more
  // than it is.
  void write_close(Open kind, std::size_t index) override;
  void write_finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage) override;
  void write_error(std::string_view type, std::string_view message) override;

  std::string id_;
  std::string model_;
  // The blocks so far.
  std::string content_;
  // Of the open block.
  std::string text_;
  std::string signature_;
  std::string json_;
};

}  // namespace tollgate::translation
