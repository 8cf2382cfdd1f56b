#include "gateway/activity_csv.h"

#include <fmt/format.h>

#include <iterator>

#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

constexpr std::string_view kEnd = "\r\n";

// Writes the fields of one line.
class Line {
 public:
  explicit Line(std::string& out) : out_(out) {}
  ~Line() { out_ += kEnd; }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& text(std::string_view value) {
    separate();
    append_csv_field(value, out_);
    return *this;
  }
  template <class Number>
  Line& number(Number value) {
    separate();
    fmt::format_to(std::back_inserter(out_), "{}", value);
    return *this;
  }
  // Empty where nothing is known.
  template <class Number>
  Line& known(bool is_known, Number value) {
    if (is_known)
      return number(value);
    separate();
    return *this;
  }
  Line& usd(std::int64_t nano) {
    separate();
    if (nano < 0)
      out_ += '-';
    out_ += format_usd(nano < 0 ? -nano : nano);
    return *this;
  }
  Line& flag(bool value) { return text(value ? "true" : "false"); }

 private:
  void separate() {
    if (!first_)
      out_ += ',';
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;
};

void append_sums(const v1::ActivitySums& sums, Line& line) {
  line.number(sums.requests()).number(sums.failed()).number(sums.input_tokens()).number(sums.output_tokens());
  line.number(sums.cache_read_tokens()).number(sums.cache_write_tokens()).usd(sums.cost_nano_usd());
  const bool timed = sums.timed() > 0;
  line.known(timed, timed ? sums.first_token_ms() / sums.timed() : 0);
  line.known(timed, timed ? sums.duration_ms() / sums.timed() : 0);
  line.number(sums.failovers());
}

constexpr std::string_view kSums =
    "requests,failed,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,cost_usd,first_token_ms,"
    "duration_ms,failovers";

}  // namespace

void append_csv_field(std::string_view text, std::string& out) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  if (formula)
    out += '\'';
  for (char c : text) {
    if (c == '"')
      out += '"';
    out += c;
  }
  out += '"';
}

std::string_view record_csv_header() {
  return "created_at,generation_id,key_name,key_id,workspace,model_asked,model,provider,api,status,error_type,"
         "finish_reason,streamed,cancelled,input_tokens,output_tokens,cache_read_tokens,cache_write_5m_tokens,"
         "cache_write_1h_tokens,web_search_requests,usage_source,cost_usd,cost_input_usd,cost_output_usd,"
         "cost_cache_read_usd,cost_cache_write_usd,cost_tools_usd,first_token_ms,duration_ms,output_tokens_per_second,"
         "attempts,session_id,agent_id,parent_agent_id,user_agent,app,upstream_id\r\n";
}

void append_record_csv(const v1::ActivityRecord& record, std::string& out) {
  Line line(out);
  line.text(iso_time_ms(record.created_ms())).text(record.generation_id()).text(record.key_name());
  line.text(record.key_id()).text(record.workspace()).text(record.model_asked()).text(record.model());
  line.text(record.provider()).text(record.api()).number(record.status()).text(record.error_type());
  line.text(record.finish_reason()).flag(record.streamed()).flag(record.cancelled());
  const v1::Usage& usage = record.usage();
  line.number(usage.input_tokens()).number(usage.output_tokens()).number(usage.cache_read_tokens());
  line.number(usage.cache_write_5m_tokens()).number(usage.cache_write_1h_tokens()).number(usage.web_search_requests());
  const v1::CostParts& parts = record.cost_parts();
  line.text(name_of(record.usage_source())).usd(record.cost_nano_usd()).usd(parts.input()).usd(parts.output());
  line.usd(parts.cache_read()).usd(parts.cache_write()).usd(parts.tools());
  line.known(record.first_token_ms() > 0, record.first_token_ms()).number(record.duration_ms());
  const std::optional<double> speed = output_tokens_per_second(record);
  line.known(speed.has_value(), speed.value_or(0));
  std::string attempts;
  for (const v1::AttemptRecord& attempt : record.attempts())
    attempts += fmt::format("{}{} {}", attempts.empty() ? "" : "; ", attempt.provider(), attempt.kind());
  line.text(attempts).text(record.session_id()).text(record.agent_id()).text(record.parent_agent_id());
  line.text(record.user_agent()).text(record.app()).text(record.upstream_id());
}

std::string activity_csv(const v1::ActivityQuery& query, const v1::ActivityReply& reply) {
  const bool timed = query.interval() != v1::INTERVAL_UNSPECIFIED;
  std::string out = timed ? "at," : "";
  bool with_key = false;
  for (const int dimension : query.by()) {
    out.append(name_of(static_cast<v1::Dimension>(dimension))).append(",");
    with_key |= dimension == v1::DIMENSION_KEY;
  }
  out.append(with_key ? "key_name," : "").append(kSums).append(kEnd);
  for (const v1::ActivityGroup& group : reply.groups()) {
    Line line(out);
    if (timed)
      line.text(iso_time_ms(group.at_ms()));
    for (int i = 0; i < query.by_size(); ++i)
      line.text(i < group.values_size() ? group.values(i) : "");
    if (with_key)
      line.text(group.key_name());
    append_sums(group.sums(), line);
  }
  if (reply.has_others()) {
    Line line(out);
    if (timed)
      line.text("");
    for (int i = 0; i < query.by_size() + (with_key ? 1 : 0); ++i)
      line.text("(others)");
    append_sums(reply.others(), line);
  }
  return out;
}

}  // namespace tollgate
