#include "services/provider_adapter/bedrock/chunk_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "services/provider_adapter/aws/base64.h"
#include "services/provider_adapter/bedrock/failures.h"
#include "services/provider_adapter/bedrock/json_members.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::bedrock {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kMetrics = "amazon-bedrock-invocationMetrics";

// A member of a JSON object that is a string; nothing when there is none.
std::optional<std::string> string_member(std::string_view json, std::string_view name) {
  thread_local ondemand::parser parser;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  std::string_view text;
  if (parser.iterate(padded).get(document) || document.find_field_unordered(name).get_string().get(text))
    return std::nullopt;
  return std::string(text);
}

std::int64_t count_of(const nlohmann::json& counts, const char* name) {
  const auto found = counts.find(name);
  return found != counts.end() && found->is_number_unsigned() ? found->get<std::int64_t>() : -1;
}

}  // namespace

bool cut_metrics(std::string& event, InvocationMetrics& metrics) {
  const Outline outline = outline_of(event);
  const auto found = std::find_if(outline.members.begin(), outline.members.end(),
                                  [](const Member& member) { return member.name == kMetrics; });
  if (!outline.error.empty() || found == outline.members.end())
    return false;
  const auto counts = nlohmann::json::parse(found->value, nullptr, false);
  if (counts.is_object()) {
    metrics.input_tokens = count_of(counts, "inputTokenCount");
    metrics.output_tokens = count_of(counts, "outputTokenCount");
    metrics.cache_read_tokens = count_of(counts, "cacheReadInputTokenCount");
    metrics.cache_write_tokens = count_of(counts, "cacheWriteInputTokenCount");
  }
  event = rewritten(event, outline, "", [](const Member& member) { return member.name != kMetrics; });
  return true;
}

absl::Status ChunkDecoder::broken(std::string_view why) const {
  return to_status(bad_response(upstream_, fmt::format("The stream of upstream {} is malformed: {}.", upstream_, why)));
}

absl::Status ChunkDecoder::take(const aws::EventFrame& frame, std::string& events) {
  const std::string_view type = frame.text(":message-type");
  if (type == "exception" || type == "error") {
    // Never by a status: inside a stream it says nothing.
    const bool exception = type == "exception";
    const std::string_view name = frame.text(exception ? ":exception-type" : ":error-code");
    const std::string message =
        exception ? string_member(frame.payload, "message").value_or("") : std::string(frame.text(":error-message"));
    return to_status(failure_of_exception(upstream_, name.empty() ? "InternalServerException" : name, 0, message));
  }
  if (type != "event" || frame.text(":event-type") != "chunk")
    return absl::OkStatus();  // New kinds of events are for those who know them.
  const std::optional<std::string> coded = string_member(frame.payload, "bytes");
  std::optional<std::string> event = coded ? aws::from_base64(*coded) : std::nullopt;
  if (!event)
    return broken("a chunk has no bytes in base64");
  const std::optional<std::string> name = string_member(*event, "type");
  if (!name || name->find_first_of("\r\n") != name->npos)
    return absl::OkStatus();
  if (*name == "message_stop")
    cut_metrics(*event, metrics_);
  // A line break can only stand between tokens, where a space means the same.
  for (const char line_break : {'\r', '\n'})
    std::replace(event->begin(), event->end(), line_break, ' ');
  events.append("event: ").append(*name).append("\ndata: ").append(*event).append("\n\n");
  return absl::OkStatus();
}

absl::Status ChunkDecoder::decode(std::string_view bytes, std::string& events) {
  frames_.push(bytes);
  aws::EventFrame frame;
  for (;;) {
    switch (frames_.next(frame)) {
      case aws::EventFrames::Result::kMore:
        return absl::OkStatus();
      case aws::EventFrames::Result::kBroken:
        return broken(frames_.error());
      case aws::EventFrames::Result::kFrame:
        break;
    }
    const absl::Status status = take(frame, events);
    if (!status.ok())
      return status;
  }
}

absl::Status ChunkDecoder::finish(std::string&) {
  return frames_.partial() ? broken("it ends inside a message") : absl::OkStatus();
}

void ChunkDecoder::complete(v1::Usage& usage) const {
  // Whether Bedrock's own input counts the cached tokens as well is not documented: it stands in for all or nothing.
  const std::int64_t prompt =
      usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens();
  if (prompt == 0 && metrics_.input_tokens > 0)
    usage.set_input_tokens(metrics_.input_tokens);
  if (usage.cache_read_tokens() == 0 && metrics_.cache_read_tokens > 0)
    usage.set_cache_read_tokens(metrics_.cache_read_tokens);
  // Of an unstated life: five minutes, as everywhere.
  if (usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens() == 0 && metrics_.cache_write_tokens > 0)
    usage.set_cache_write_5m_tokens(metrics_.cache_write_tokens);
  if (!usage.final() && metrics_.output_tokens >= usage.output_tokens()) {
    usage.set_output_tokens(metrics_.output_tokens);
    usage.set_final(metrics_.output_tokens > 0);
  }
}

}  // namespace tollgate::bedrock
