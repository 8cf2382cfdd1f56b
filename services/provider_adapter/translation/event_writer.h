// An answer as the server-sent events of the Messages API.
#pragma once

#include "services/provider_adapter/translation/answer_writer.h"

namespace tollgate::translation {

// message_start, the blocks, one message_delta, one message_stop; or message_start, blocks, error.
class EventWriter : public AnswerWriter {
 public:
  // Appends to `out`, which outlives the writer.
  explicit EventWriter(std::string& out) : out_(out) {}

 private:
  void write_start(std::string_view id, std::string_view model, const TokenCounts& usage) override;
  void write_open(Open kind, std::size_t index, std::string_view id, std::string_view name) override;
  void write_delta(Open kind, std::size_t index, std::string_view delta) override;
  void write_signature(std::size_t index, std::string_view signature) override;
  void write_redacted(std::size_t index, std::string_view data) override;
  void write_close(Open kind, std::size_t index) override;
  void write_finish(std::string_view stop_reason, std::string_view stop_sequence, const TokenCounts& usage) override;
  void write_error(std::string_view type, std::string_view message) override;

  void delta(std::string_view type, std::string_view member, std::size_t index, std::string_view text);

  std::string& out_;
};

}  // namespace tollgate::translation
