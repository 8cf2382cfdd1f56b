#include "tests/support/translation/chat_replay.h"

#include <algorithm>
#include <stdexcept>

#include "services/common/base/errors.h"
#include "services/provider_adapter/openai/stream.h"

namespace tollgate::test {
namespace {

std::string ended(absl::Status status, openai::ChatStream& stream, std::string events) {
  if (status.ok())
    status = stream.finish(events);
  if (!status.ok()) {
    const std::string event = error_event(failure_of(status), {});
    events.append(event);
  }
  return events;
}

}  // namespace

const translation::Envelopes& test_envelopes() {
  static const translation::Envelopes envelopes("test");
  return envelopes;
}

openai::AnswerContext chat_context(std::string_view preset, std::string_view overrides) {
  const absl::StatusOr<openai::QuirkTable> table = openai::QuirkTable::make(preset, overrides);
  if (!table.ok())
    throw std::runtime_error(std::string(table.status().message()));
  openai::AnswerContext context{.upstream = std::string("up"),
                                .model = std::string("m"),
                                .generation_id = std::string("gen-1"),
                                .quirks = table->of("m"),
                                .envelopes = &test_envelopes(),
                                .prompt_tokens = 7,
                                .stop_sequences = {},
                                .tool_names = {}};
  return context;
}

std::string replay_chat(const openai::AnswerContext& context, std::string_view stream, std::size_t piece) {
  openai::ChatStream translator(context);
  std::string events;
  absl::Status status;
  const std::size_t step = piece == 0 ? std::max<std::size_t>(1, stream.size()) : piece;
  for (std::size_t at = 0; at < stream.size() && status.ok(); at += step)
    status = translator.push(stream.substr(at, step), events);
  return ended(status, translator, std::move(events));
}

std::string replay_cut(const openai::AnswerContext& context, std::string_view stream, std::size_t cut) {
  openai::ChatStream translator(context);
  std::string events;
  absl::Status status = translator.push(stream.substr(0, cut), events);
  if (status.ok())
    status = translator.push(stream.substr(cut), events);
  return ended(status, translator, std::move(events));
}

}  // namespace tollgate::test
