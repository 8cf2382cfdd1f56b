#include "services/budget/ledger_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>

#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/budget/redis_workspaces.h"
#include "services/budget/reply_reader.h"
#include "services/budget/scripts.h"
#include "services/common/base/errors.h"
#include "tollgate/v1/usage.pb.h"

namespace tollgate {
namespace {

constexpr std::int64_t kBatch = 500;
constexpr const char* kMarkMs = "60000";
constexpr int kLooks = 3;

struct Periods {
  std::int64_t day = 0;
  std::int64_t week = 0;
  std::int64_t month = 0;
};

// As numbered by scripts/periods.lua.
Periods periods_of(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const auto day = floor<days>(sys_seconds(seconds(unix_seconds)));
  const year_month_day date(day);
  const std::int64_t number = day.time_since_epoch().count();
  return {number, (number + 3) / 7,
          std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1};
}

// The counters of a key or a workspace; as stored, or as added up.
struct Counters {
  std::int64_t held = 0;
  std::int64_t usage = 0;
  std::int64_t day_usage = 0;
  std::int64_t week_usage = 0;
  std::int64_t month_usage = 0;
};

struct Record {
  std::string key_hash;
  Counters stored;
  // Begins with the archived sums; records are added.
  Counters expected;
  Periods running;

  void charge(std::int64_t cost, const Periods& when) {
    expected.usage += cost;
    if (when.day == running.day)
      expected.day_usage += cost;
    if (when.week == running.week)
      expected.week_usage += cost;
    if (when.month == running.month)
      expected.month_usage += cost;
  }
};

// An element of audit.lua's records.
std::optional<Record> read_record(const RedisReply& reply) {
  Record record;
  ReplyReader fields(reply);
  record.key_hash = fields.text();
  record.stored.held = fields.integer();
  record.stored.usage = fields.integer();
  record.running.day = fields.integer();
  record.stored.day_usage = fields.integer();
  record.running.week = fields.integer();
  record.stored.week_usage = fields.integer();
  record.running.month = fields.integer();
  record.stored.month_usage = fields.integer();
  record.expected.usage = fields.integer();
  record.expected.day_usage = fields.integer();
  record.expected.week_usage = fields.integer();
  record.expected.month_usage = fields.integer();
  if (fields.failed())
    return std::nullopt;
  return record;
}

// Of its first line: what follows is none of the ledger's.
std::vector<std::string_view> words_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// One look at one workspace.
class Look {
 public:
  Look(Redis& redis, std::string workspace)
      : redis_(redis), workspace_(std::move(workspace)), prefix_(layout::in_workspace(workspace_, "")) {}

  // False when settled generations were forgotten under way: look again.
  Awaitable<absl::StatusOr<bool>> run();

  std::vector<Difference> differences() const;
  void add_counts(AuditReport& report) const;
  const std::vector<std::string>& broken() const { return broken_; }
  Awaitable<absl::StatusOr<std::int64_t>> repair();

 private:
  Awaitable<absl::StatusOr<std::int64_t>> snapshot();
  // Null for a key that has been removed.
  Record* key(std::string_view hash);
  void add_hold(const RedisReply& hold);
  void add_settled(const RedisReply& settled);

  Redis& redis_;
  const std::string workspace_;
  const std::string prefix_;
  std::vector<Record> records_;
  std::map<std::string, std::size_t, std::less<>> by_hash_;
  std::vector<std::string> broken_;
  std::int64_t holds_ = 0;
  std::int64_t settled_ = 0;
  std::int64_t lease_expired_ = 0;
};

Record* Look::key(std::string_view hash) {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? nullptr : &records_[found->second];
}

Awaitable<absl::StatusOr<std::int64_t>> Look::snapshot() {
  std::vector<std::string> keys = {layout::workspace_record(workspace_), layout::keys(workspace_),
                                   layout::holds(workspace_), layout::settled(workspace_), layout::audit(workspace_)};
  std::vector<std::string> args = {prefix_, kMarkMs};
  const auto reply = co_await tollgate::run(redis_, scripts::audit(), std::move(keys), std::move(args));
  if (!reply.ok())
    co_return reply.status();
  if (reply->elements.size() != 3)
    co_return unexpected_reply(scripts::audit());
  for (const RedisReply& element : reply->elements[1].elements) {
    std::optional<Record> record = read_record(element);
    if (!record)
      co_return unexpected_reply(scripts::audit());
    by_hash_[record->key_hash] = records_.size();
    records_.push_back(*std::move(record));
  }
  for (const RedisReply& hold : reply->elements[2].elements)
    add_hold(hold);
  co_return reply->elements[0].integer;
}

void Look::add_hold(const RedisReply& hold) {
  ReplyReader fields(hold);
  const std::string generation = fields.text();
  const std::string text = fields.text();
  const auto words = words_of(text);
  if (words.size() != 7 || words[0] != "h") {
    broken_.push_back(workspace_ + "/" + generation);
    return;
  }
  ++holds_;
  const std::int64_t amount = number_of(words[3]);
  records_[0].expected.held += amount;
  if (Record* record = key(words[1]))
    record->expected.held += amount;
}

void Look::add_settled(const RedisReply& settled) {
  ReplyReader fields(settled);
  const std::string generation = fields.text();
  const std::int64_t at_us = fields.integer();
  const std::string text = fields.text();
  const auto words = words_of(text);
  if (words.size() < 4 || words[0] != "s") {
    broken_.push_back(workspace_ + "/" + generation);
    return;
  }
  ++settled_;
  if (number_of(words[3]) == v1::USAGE_SOURCE_LEASE_EXPIRED)
    ++lease_expired_;
  const std::int64_t cost = number_of(words[2]);
  const Periods when = periods_of(at_us / 1'000'000);
  records_[0].charge(cost, when);
  if (Record* record = key(words[1]))
    record->charge(cost, when);
}

Awaitable<absl::StatusOr<bool>> Look::run() {
  const absl::StatusOr<std::int64_t> count = co_await snapshot();
  if (!count.ok())
    co_return count.status();
  // Those settled since the snapshot stand behind the others.
  for (std::int64_t first = 0; first < *count; first += kBatch) {
    std::vector<std::string> keys = {layout::settled(workspace_), layout::audit(workspace_)};
    std::vector<std::string> args = {prefix_, std::to_string(first),
                                     std::to_string(std::min(first + kBatch, *count) - 1), kMarkMs};
    const auto part = co_await tollgate::run(redis_, scripts::audit_settled(), std::move(keys), std::move(args));
    if (!part.ok())
      co_return part.status();
    if (part->is_nil())
      co_return false;
    for (const RedisReply& settled : part->elements)
      add_settled(settled);
  }
  co_return true;
}

std::vector<Difference> Look::differences() const {
  std::vector<Difference> found;
  for (const Record& record : records_) {
    const auto compare = [&](const char* counter, std::int64_t stored, std::int64_t expected) {
      if (stored != expected)
        found.push_back({workspace_, record.key_hash, counter, stored, expected});
    };
    compare("held", record.stored.held, record.expected.held);
    compare("usage", record.stored.usage, record.expected.usage);
    compare("day_usage", record.stored.day_usage, record.expected.day_usage);
    compare("week_usage", record.stored.week_usage, record.expected.week_usage);
    compare("month_usage", record.stored.month_usage, record.expected.month_usage);
  }
  return found;
}

void Look::add_counts(AuditReport& report) const {
  ++report.workspaces;
  report.keys += static_cast<std::int64_t>(records_.size()) - 1;
  report.holds += holds_;
  report.settled += settled_;
  report.lease_expired += lease_expired_;
}

Awaitable<absl::StatusOr<std::int64_t>> Look::repair() {
  std::int64_t repaired = 0;
  for (const Difference& difference : differences()) {
    const Record& record = records_[by_hash_.at(difference.key_hash)];
    std::vector<std::string> keys = {record.key_hash.empty() ? layout::workspace_record(workspace_)
                                                             : layout::key_record(workspace_, record.key_hash)};
    std::vector<std::string> args = {std::to_string(record.running.day), std::to_string(record.running.week),
                                     std::to_string(record.running.month), difference.counter,
                                     std::to_string(difference.expected - difference.stored)};
    const auto reply = co_await tollgate::run(redis_, scripts::repair(), std::move(keys), std::move(args));
    if (!reply.ok())
      co_return reply.status();
    repaired += reply->integer;
  }
  co_return repaired;
}

Awaitable<absl::Status> audit_workspace(Redis& redis, std::string workspace, bool repair, AuditReport& report) {
  std::optional<Look> look;
  for (int i = 0; i < kLooks; ++i) {
    look.emplace(redis, workspace);
    const absl::StatusOr<bool> whole = co_await look->run();
    if (!whole.ok())
      co_return whole.status();
    if (*whole && look->differences().empty() && look->broken().empty())
      break;
  }
  look->add_counts(report);
  const std::vector<Difference> differences = look->differences();
  report.differences.insert(report.differences.end(), differences.begin(), differences.end());
  report.broken.insert(report.broken.end(), look->broken().begin(), look->broken().end());
  if (repair && !differences.empty()) {
    const absl::StatusOr<std::int64_t> repaired = co_await look->repair();
    if (!repaired.ok())
      co_return repaired.status();
    report.repaired += *repaired;
  }
  std::vector<std::string> argv = {"DEL", layout::audit(workspace)};
  const auto done = co_await run(redis, std::move(argv));
  co_return done.status();
}

}  // namespace

Awaitable<absl::StatusOr<AuditReport>> audit_ledger(Redis& redis, std::string workspace, bool repair) {
  const auto all = co_await workspace_ids(redis);
  if (!all.ok())
    co_return all.status();
  std::vector<std::string> workspaces = *all;
  if (!workspace.empty()) {
    if (std::find(all->begin(), all->end(), workspace) == all->end())
      co_return error(v1::Failure::KIND_NOT_FOUND, fmt::format("There is no workspace \"{}\".", workspace));
    workspaces = {workspace};
  }
  AuditReport report;
  for (const std::string& id : workspaces) {
    if (absl::Status status = co_await audit_workspace(redis, id, repair, report); !status.ok())
      co_return status;
  }
  co_return report;
}

}  // namespace tollgate
