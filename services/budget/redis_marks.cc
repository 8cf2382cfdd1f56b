#include "services/budget/redis_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/budget/scripts.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::size_t kMostNameBytes = 256;
constexpr std::int64_t kLongestMs = 24 * 3600 * 1000;
// Stands in no name of the catalog.
constexpr char kBetween = '\n';

std::string member_of(const v1::Mark& mark) {
  return fmt::format("{}{}{}{}{}", mark.upstream(), kBetween, mark.upstream_model(), kBetween, mark.provider());
}

bool is_name(const std::string& name) {
  return name.size() <= kMostNameBytes && name.find(kBetween) == name.npos;
}

// False when it is none of ours.
bool read_mark(const std::string& member, const std::string& lasts, v1::Mark& mark) {
  const std::size_t first = member.find(kBetween);
  const std::size_t second = first == member.npos ? member.npos : member.find(kBetween, first + 1);
  std::int64_t ms = 0;
  const auto [end, failed] = std::from_chars(lasts.data(), lasts.data() + lasts.size(), ms);
  if (second == member.npos || failed != std::errc() || end != lasts.data() + lasts.size())
    return false;
  mark.set_upstream(member.substr(0, first));
  mark.set_upstream_model(member.substr(first + 1, second - first - 1));
  mark.set_provider(member.substr(second + 1));
  mark.set_lasts_ms(ms);
  return true;
}

}  // namespace

Awaitable<absl::StatusOr<v1::ReportMarksReply>> RedisMarks::report(const v1::ReportMarksRequest& request) {
  if (request.marks_size() > kMost)
    co_return error(v1::Failure::KIND_INVALID_REQUEST,
                    fmt::format("marks: expected at most {}, got {}", kMost, request.marks_size()));
  std::vector<std::string> args = {std::to_string(kMost)};
  for (const v1::Mark& mark : request.marks()) {
    if (!is_name(mark.upstream()) || !is_name(mark.upstream_model()) || !is_name(mark.provider()))
      co_return error(v1::Failure::KIND_INVALID_REQUEST,
                      fmt::format("marks: expected names of one line and at most {} bytes", kMostNameBytes));
    if (mark.lasts_ms() <= 0)
      continue;
    args.push_back(member_of(mark));
    args.push_back(std::to_string(std::min(mark.lasts_ms(), kLongestMs)));
  }
  if (args.size() > 1) {
    std::vector<std::string> keys = {std::string(layout::kMarks)};
    const auto reply = co_await run(redis_, scripts::report_marks(), std::move(keys), std::move(args));
    if (!reply.ok())
      co_return reply.status();
  }
  co_return v1::ReportMarksReply();
}

Awaitable<absl::StatusOr<v1::ReadMarksReply>> RedisMarks::read(const v1::ReadMarksRequest&) {
  std::vector<std::string> keys = {std::string(layout::kMarks)};
  std::vector<std::string> no_args;
  const auto reply = co_await run(redis_, scripts::read_marks(), std::move(keys), std::move(no_args));
  if (!reply.ok())
    co_return reply.status();
  v1::ReadMarksReply out;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    v1::Mark mark;
    if (read_mark(reply->elements[i].text, reply->elements[i + 1].text, mark))
      *out.add_marks() = std::move(mark);
  }
  co_return out;
}

}  // namespace tollgate
