#include "services/tollgate/activity_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

constexpr std::size_t kKeyDigits = 12;

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  return out;
}

// What a client named itself must not steer the terminal.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string at_text(v1::Interval interval, std::int64_t at_ms) {
  const std::string iso = iso_time_ms(at_ms);
  return interval == v1::INTERVAL_DAY ? iso.substr(0, 10) : iso.substr(0, 10) + " " + iso.substr(11, 5);
}

std::vector<std::string> sums_cells(const v1::ActivitySums& sums) {
  const auto average = [&](std::int64_t sum) {
    return sums.timed() > 0
               ? fmt::format("{:.1f}s", static_cast<double>(sum) / static_cast<double>(sums.timed()) / 1000)
               : std::string("-");
  };
  return {std::to_string(sums.requests()),        std::to_string(sums.failed()),
          short_count(sums.input_tokens()),       short_count(sums.cache_read_tokens()),
          short_count(sums.cache_write_tokens()), short_count(sums.output_tokens()),
          average(sums.first_token_ms()),         average(sums.duration_ms()),
          short_usd(sums.cost_nano_usd())};
}

constexpr const char* kSums[] = {"REQUESTS", "FAILED", "INPUT", "CACHED", "WRITTEN", "OUTPUT", "FIRST", "TIME", "COST"};

constexpr const char* kRecord = "{:<19}  {:<16}  {:<28}  {:<16}  {:>6}  {:>8}  {:>7}  {:>8}  {:>10}  {}\n";

}  // namespace

std::string short_count(std::int64_t number) {
  constexpr const char* units[] = {"", "k", "M", "G", "T"};
  if (number < 1000)
    return std::to_string(number);
  double value = static_cast<double>(number);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return value < 99.95 ? fmt::format("{:.1f}{}", value, units[unit]) : fmt::format("{:.0f}{}", value, units[unit]);
}

std::string short_usd(std::int64_t nano_usd) {
  const double usd = to_usd(nano_usd);
  if (nano_usd == 0 || usd >= 0.995)
    return fmt::format("${:.2f}", usd);
  return usd >= 0.00995 ? fmt::format("${:.3f}", usd) : fmt::format("${:.2g}", usd);
}

std::string activity_table(const v1::ActivityQuery& query, const v1::ActivityReply& reply) {
  std::vector<std::vector<std::string>> rows;
  const bool timed = query.interval() != v1::INTERVAL_UNSPECIFIED;
  std::vector<std::string> header;
  if (timed)
    header.push_back(query.interval() == v1::INTERVAL_DAY ? "DAY" : "HOUR");
  for (const int dimension : query.by())
    header.push_back(upper(name_of(static_cast<v1::Dimension>(dimension))));
  const std::size_t names = std::max<std::size_t>(header.size(), 1);
  header.resize(names);
  header.insert(header.end(), std::begin(kSums), std::end(kSums));
  rows.push_back(std::move(header));
  const auto add = [&](std::vector<std::string> cells, const v1::ActivitySums& sums) {
    cells.resize(names);
    for (std::string& cell : sums_cells(sums))
      cells.push_back(std::move(cell));
    rows.push_back(std::move(cells));
  };
  for (const v1::ActivityGroup& group : reply.groups()) {
    if (!timed && query.by_size() == 0)
      break;
    std::vector<std::string> cells;
    if (timed)
      cells.push_back(at_text(query.interval(), group.at_ms()));
    for (int i = 0; i < query.by_size() && i < group.values_size(); ++i) {
      const bool key = query.by(i) == v1::DIMENSION_KEY;
      const std::string& value = group.values(i);
      const std::string name =
          key && !group.key_name().empty() ? group.key_name() : value.substr(0, key ? kKeyDigits : 60);
      cells.push_back(name.empty() ? "-" : printable(name));
    }
    add(std::move(cells), group.sums());
  }
  if (reply.has_others())
    add({"others"}, reply.others());
  add({"total"}, reply.total());

  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i < names ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  if (reply.incomplete())
    out += "\nNot all of it: the records of the earlier time have been dropped, or were too many to read.\n";
  return out;
}

std::string record_header() {
  return fmt::format(kRecord, "TIME", "KEY", "MODEL", "PROVIDER", "STATUS", "INPUT", "OUTPUT", "TIME", "COST", "");
}

std::string record_row(const v1::ActivityRecord& record) {
  const v1::Usage& usage = record.usage();
  const std::int64_t input =
      usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens();
  std::string at = iso_time_ms(record.created_ms()).substr(0, 19);
  at[10] = ' ';
  std::string notes = record.error_type();
  if (record.cancelled())
    notes += notes.empty() ? "cancelled" : ", cancelled";
  if (record.attempts_size() > 1)
    notes += fmt::format("{}{} attempts", notes.empty() ? "" : ", ", record.attempts_size());
  std::string line = fmt::format(
      kRecord, at, printable(record.key_name().empty() ? record.key_id().substr(0, kKeyDigits) : record.key_name()),
      printable(record.model().empty() ? record.model_asked() : record.model()),
      record.provider().empty() ? "-" : record.provider(), record.status(), short_count(input),
      short_count(usage.output_tokens()), fmt::format("{:.1f}s", static_cast<double>(record.duration_ms()) / 1000),
      short_usd(record.cost_nano_usd()), printable(notes));
  line.erase(line.find_last_not_of(" \n") + 1);
  return line + "\n";
}

}  // namespace tollgate
