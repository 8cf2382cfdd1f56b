#include "gateway/activity_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>

#include "gateway/ascii.h"
#include "gateway/member_reader.h"
#include "gateway/routes.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::uint32_t kMostGroups = 10'000;
constexpr std::uint32_t kMostRecords = 1000;
constexpr std::size_t kMostValues = 100;
constexpr std::size_t kLongestValue = 512;
// How far back the health of providers is looked at.
constexpr std::int64_t kHealthSpanMs = 10 * 60 * 1000;

absl::Status invalid(std::string message) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(message));
}

// For a message.
std::string shortened(std::string_view text) {
  return std::string(text.substr(0, 60)) + (text.size() > 60 ? "..." : "");
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size() && !text.empty();
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> span_ms(std::string_view text) {
  if (text.empty())
    return std::nullopt;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1000;
      break;
    case 'm':
      unit = 60'000;
      break;
    case 'h':
      unit = 3'600'000;
      break;
    case 'd':
      unit = 86'400'000;
      break;
    case 'w':
      unit = 7 * 86'400'000;
      break;
    default:
      return std::nullopt;
  }
  const auto count = whole_number(text.substr(0, text.size() - 1));
  if (!count || *count > std::numeric_limits<std::int64_t>::max() / unit)
    return std::nullopt;
  return *count * unit;
}

// +02:00 in ms; nothing for what is none.
std::optional<std::int64_t> offset_ms(std::string_view text) {
  const bool formed = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
  const auto hours = formed ? whole_number(text.substr(1, 2)) : std::nullopt;
  const auto minutes = formed ? whole_number(text.substr(4, 2)) : std::nullopt;
  if (!hours || !minutes || *hours > 14 || *minutes > 59)
    return std::nullopt;
  const std::int64_t ms = (*hours * 60 + *minutes) * 60'000;
  return text[0] == '+' ? ms : -ms;
}

// Reads one request's parameters: each name is one of the filter's or has been given a reader.
class ParamReader {
 public:
  using Read = std::function<absl::Status(const std::string&)>;

  explicit ParamReader(std::int64_t now_ms) : now_ms_(now_ms) {}

  // Stands at most once.
  ParamReader& once(std::string name, Read read) {
    readers_.push_back({std::move(name), std::move(read), true});
    return *this;
  }

  ParamReader& repeated(std::string name, google::protobuf::RepeatedPtrField<std::string>& values, Read check = {}) {
    Read read = [&values, check = std::move(check)](const std::string& value) {
      if (check) {
        absl::Status wrong = check(value);
        if (!wrong.ok())
          return wrong;
      }
      *values.Add() = value;
      return absl::OkStatus();
    };
    readers_.push_back({std::move(name), std::move(read), false});
    return *this;
  }

  ParamReader& time(std::string name, std::function<void(std::int64_t)> set) {
    return once(std::move(name), [this, set = std::move(set)](const std::string& value) {
      const absl::StatusOr<std::int64_t> ms = parse_time(value, now_ms_);
      if (ms.ok())
        set(*ms);
      return ms.status();
    });
  }

  ParamReader& filter(v1::ActivityFilter& filter) {
    time("since", [&filter](std::int64_t ms) { filter.set_since_ms(ms); });
    time("until", [&filter](std::int64_t ms) { filter.set_until_ms(ms); });
    repeated("key", *filter.mutable_keys());
    repeated("workspace", *filter.mutable_workspaces());
    endpoint(filter);
    repeated("session", *filter.mutable_sessions());
    repeated("status", *filter.mutable_statuses(), [](const std::string& value) {
      return is_status_filter(value)
                 ? absl::OkStatus()
                 : invalid(fmt::format("expected 200, 429, ... or a class such as 4xx; got \"{}\"", shortened(value)));
    });
    once("search", [&filter](const std::string& value) {
      filter.set_search(value);
      return absl::OkStatus();
    });
    filter_ = &filter;
    return *this;
  }

  ParamReader& endpoint(v1::ActivityFilter& filter) {
    repeated("model", *filter.mutable_models());
    return repeated("provider", *filter.mutable_providers());
  }

  ParamReader& limit(std::uint32_t most, std::function<void(std::uint32_t)> set) {
    return once("limit", [most, set = std::move(set)](const std::string& value) {
      const auto number = whole_number(value);
      if (!number || *number < 1 || *number > most)
        return invalid(fmt::format("expected a whole number from 1 to {}; got \"{}\"", most, shortened(value)));
      set(static_cast<std::uint32_t>(*number));
      return absl::OkStatus();
    });
  }

  absl::Status read(std::string_view target) {
    std::vector<std::size_t> seen(readers_.size());
    for (const QueryParam& param : query_params(target)) {
      const auto reader = std::find_if(readers_.begin(), readers_.end(),
                                       [&](const Reader& candidate) { return candidate.name == param.name; });
      if (reader == readers_.end())
        return unknown(param.name);
      const std::size_t times = ++seen[static_cast<std::size_t>(reader - readers_.begin())];
      if (times > (reader->single ? 1 : kMostValues))
        return invalid(reader->single ? fmt::format("{}: stands twice", param.name)
                                      : fmt::format("{}: at most {} of these", param.name, kMostValues));
      if (param.value.empty() || param.value.size() > kLongestValue)
        return invalid(fmt::format("{}: expected 1 to {} bytes", param.name, kLongestValue));
      const absl::Status wrong = reader->read(param.value);
      if (!wrong.ok())
        return invalid(fmt::format("{}: {}", param.name, std::string(wrong.message())));
    }
    return check_range();
  }

 private:
  struct Reader {
    std::string name;
    Read read;
    bool single;
  };

  absl::Status unknown(const std::string& name) const {
    std::string all;
    for (const Reader& reader : readers_)
      all += (all.empty() ? "" : ", ") + reader.name;
    return invalid(fmt::format("{}: there is no such parameter. Known are: {}.", shortened(name), all));
  }

  absl::Status check_range() const {
    if (filter_ == nullptr)
      return absl::OkStatus();
    const std::int64_t since = filter_->since_ms();
    const std::int64_t until = filter_->until_ms() != 0 ? filter_->until_ms() : now_ms_;
    if (since != 0 && since > until)
      return invalid("since: is later than until, which is now unless given");
    return absl::OkStatus();
  }

  const std::int64_t now_ms_;
  std::vector<Reader> readers_;
  const v1::ActivityFilter* filter_ = nullptr;
};

struct DimensionName {
  std::string_view name;
  v1::Dimension dimension;
};

constexpr DimensionName kDimensions[] = {
    {"key", v1::DIMENSION_KEY},           {"workspace", v1::DIMENSION_WORKSPACE}, {"model", v1::DIMENSION_MODEL},
    {"provider", v1::DIMENSION_PROVIDER}, {"session", v1::DIMENSION_SESSION},     {"status", v1::DIMENSION_STATUS},
};

// Both pages of records and of sessions.
template <class Query>
absl::StatusOr<Query> read_page(std::string_view target, std::int64_t now_ms) {
  Query query;
  ParamReader reader(now_ms);
  reader.filter(*query.mutable_filter()).limit(kMostRecords, [&](std::uint32_t limit) { query.set_limit(limit); });
  reader.once("cursor", [&](const std::string& value) {
    query.set_cursor(value);
    return absl::OkStatus();
  });
  absl::Status wrong = reader.read(target);
  if (!wrong.ok())
    return wrong;
  return query;
}

}  // namespace

std::vector<QueryParam> query_params(std::string_view target) {
  std::vector<QueryParam> params;
  const auto mark = target.find('?');
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  const auto decoded = [](std::string_view text) {
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    return percent_decoded(plain);
  };
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty())
      params.push_back({decoded(pair.substr(0, equals)),
                        equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1))});
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return params;
}

absl::StatusOr<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms) {
  // 1e15 ms is the year 33658: what is larger was no time.
  constexpr std::int64_t most = 1'000'000'000'000'000;
  const auto refused = [&] {
    return invalid(
        fmt::format("expected a time (2026-11-24T10:00:00Z, 2026-11-24, or Unix ms) or a span before now (90s, 30m, "
                    "12h, 7d, 2w); got \"{}\"",
                    shortened(text)));
  };
  if (const auto number = whole_number(text))
    return *number > 0 && *number <= most ? absl::StatusOr<std::int64_t>(*number) : refused();
  if (const auto span = span_ms(text))
    // The beginning of all time rather than an error: "since 9999d" has a meaning.
    return std::max<std::int64_t>(now_ms - std::min(*span, now_ms), 1);
  std::optional<std::int64_t> time =
      parse_utc(text.size() == 10 ? std::string(text) + "T00:00:00Z" : std::string(text));
  if (!time && text.size() > 6) {
    const auto offset = offset_ms(text.substr(text.size() - 6));
    time = offset ? parse_utc(std::string(text.substr(0, text.size() - 6)) + "Z") : std::nullopt;
    if (time)
      *time -= *offset;
  }
  return time && *time > 0 ? absl::StatusOr<std::int64_t>(*time) : refused();
}

bool is_status_filter(std::string_view text) {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5')
    return false;
  return text.substr(1) == "xx" || (is_digit(text[1]) && is_digit(text[2]));
}

absl::StatusOr<v1::Dimension> parse_dimension(std::string_view name) {
  std::string all;
  for (const DimensionName& known : kDimensions) {
    if (known.name == name)
      return known.dimension;
    all.append(all.empty() ? "" : ", ").append(known.name);
  }
  return invalid(fmt::format("expected some of {}; got \"{}\"", all, shortened(name)));
}

std::string_view name_of(v1::Dimension dimension) {
  for (const DimensionName& known : kDimensions) {
    if (known.dimension == dimension)
      return known.name;
  }
  return {};
}

absl::StatusOr<std::vector<v1::Dimension>> parse_dimensions(std::string_view list) {
  std::vector<v1::Dimension> dimensions;
  absl::Status wrong;
  for_each_element(list, [&](std::string_view name) {
    const absl::StatusOr<v1::Dimension> dimension = parse_dimension(name);
    wrong.Update(dimension.status());
    if (!dimension.ok())
      return;
    if (std::find(dimensions.begin(), dimensions.end(), *dimension) != dimensions.end())
      wrong.Update(invalid(fmt::format("\"{}\" stands twice", shortened(name))));
    dimensions.push_back(*dimension);
  });
  if (!wrong.ok())
    return wrong;
  return dimensions;
}

absl::StatusOr<v1::Interval> parse_interval(std::string_view name) {
  if (name == "hour")
    return v1::INTERVAL_HOUR;
  if (name == "day")
    return v1::INTERVAL_DAY;
  return invalid(fmt::format("expected hour or day; got \"{}\"", shortened(name)));
}

absl::StatusOr<QueryRequest> read_activity_query(std::string_view target, std::int64_t now_ms) {
  QueryRequest request;
  v1::ActivityQuery& query = request.query;
  ParamReader reader(now_ms);
  reader.filter(*query.mutable_filter());
  reader.once("by", [&](const std::string& value) {
    const auto dimensions = parse_dimensions(value);
    if (dimensions.ok())
      query.mutable_by()->Assign(dimensions->begin(), dimensions->end());
    return dimensions.status();
  });
  reader.once("interval", [&](const std::string& value) {
    const absl::StatusOr<v1::Interval> interval = parse_interval(value);
    if (interval.ok())
      query.set_interval(*interval);
    return interval.status();
  });
  reader.limit(kMostGroups, [&](std::uint32_t limit) { query.set_limit(limit); });
  reader.once("format", [&](const std::string& value) {
    request.csv = value == "csv";
    return request.csv || value == "json" ? absl::OkStatus()
                                          : invalid(fmt::format("expected json or csv; got \"{}\"", shortened(value)));
  });
  absl::Status wrong = reader.read(target);
  if (!wrong.ok())
    return wrong;
  // A chart that lacks the cheaper hours would show a hole where there was none.
  if (query.limit() == 0 && query.interval() != v1::INTERVAL_UNSPECIFIED)
    query.set_limit(kMostGroups);
  return request;
}

absl::StatusOr<v1::RecordsQuery> read_records_query(std::string_view target, std::int64_t now_ms) {
  return read_page<v1::RecordsQuery>(target, now_ms);
}

absl::StatusOr<v1::SessionsQuery> read_sessions_query(std::string_view target, std::int64_t now_ms) {
  return read_page<v1::SessionsQuery>(target, now_ms);
}

absl::StatusOr<ExportParams> read_export(std::string_view target, std::int64_t now_ms) {
  ExportParams params;
  ParamReader reader(now_ms);
  reader.filter(*params.query.mutable_filter());
  reader.once("format", [&](const std::string& value) {
    if (value == "csv")
      params.format = ExportFormat::kCsv;
    else if (value == "json")
      params.format = ExportFormat::kJson;
    else if (value == "ndjson")
      params.format = ExportFormat::kNdjson;
    else
      return invalid(fmt::format("expected csv, json or ndjson; got \"{}\"", shortened(value)));
    return absl::OkStatus();
  });
  absl::Status wrong = reader.read(target);
  if (!wrong.ok())
    return wrong;
  return params;
}

absl::StatusOr<v1::ExportQuery> read_live(std::string_view target, std::int64_t now_ms) {
  v1::ExportQuery query;
  query.set_follow(true);
  v1::ActivityFilter& filter = *query.mutable_filter();
  ParamReader reader(now_ms);
  reader.filter(filter);
  absl::Status wrong = reader.read(target);
  if (!wrong.ok())
    return wrong;
  if (filter.until_ms() != 0)
    return invalid("until: a stream has no end");
  if (filter.since_ms() == 0)
    filter.set_since_ms(now_ms);
  return query;
}

absl::StatusOr<v1::ActivityFilter> read_health(std::string_view target, std::int64_t now_ms) {
  v1::ActivityFilter filter;
  filter.set_since_ms(now_ms - kHealthSpanMs);
  ParamReader reader(now_ms);
  reader.endpoint(filter);
  absl::Status wrong = reader.read(target);
  if (!wrong.ok())
    return wrong;
  return filter;
}

}  // namespace tollgate
