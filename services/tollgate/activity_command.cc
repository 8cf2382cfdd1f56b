#include "services/tollgate/activity_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "gateway/activity_csv.h"
#include "gateway/activity_json.h"
#include "gateway/activity_params.h"
#include "services/budget/redis_activity.h"
#include "services/common/process/process.h"
#include "services/common/redis/make_redis.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/channel.h"
#include "services/tollgate/activity_table.h"
#include "services/tollgate/management_session.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {
namespace {

constexpr std::chrono::milliseconds kDeadline{30'000};
constexpr const char* kKeyVariable = "TOLLGATE_API_KEY";

struct Options {
  ConfigOptions config;
  std::string server;
  std::string since;
  std::string until;
  std::vector<std::string> keys;
  std::vector<std::string> workspaces;
  std::vector<std::string> models;
  std::vector<std::string> providers;
  std::vector<std::string> sessions;
  std::vector<std::string> statuses;
  std::string search;
  std::string by;
  std::string interval;
  std::uint32_t limit = 0;
  bool records = false;
  bool follow = false;
  bool csv = false;
  bool json = false;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

absl::Status read_time(const char* name, const std::string& text, std::int64_t now, std::int64_t& ms) {
  if (text.empty())
    return absl::OkStatus();
  const absl::StatusOr<std::int64_t> time = parse_time(text, now);
  if (!time.ok())
    return absl::InvalidArgumentError(fmt::format("{}: {}", name, std::string(time.status().message())));
  ms = *time;
  return absl::OkStatus();
}

absl::StatusOr<v1::ActivityFilter> filter_of(const Options& options) {
  v1::ActivityFilter filter;
  const std::int64_t now = now_ms();
  std::int64_t since = 0;
  std::int64_t until = 0;
  absl::Status wrong = read_time("--since", options.since, now, since);
  wrong.Update(read_time("--until", options.until, now, until));
  for (const std::string& status : options.statuses) {
    if (!is_status_filter(status))
      wrong.Update(absl::InvalidArgumentError(
          fmt::format("--status: expected 200, 429, ... or a class such as 4xx; got \"{}\"", status)));
  }
  if (!wrong.ok())
    return wrong;
  filter.set_since_ms(since == 0 && options.follow ? now : since);
  filter.set_until_ms(until);
  filter.mutable_keys()->Assign(options.keys.begin(), options.keys.end());
  filter.mutable_workspaces()->Assign(options.workspaces.begin(), options.workspaces.end());
  filter.mutable_models()->Assign(options.models.begin(), options.models.end());
  filter.mutable_providers()->Assign(options.providers.begin(), options.providers.end());
  filter.mutable_sessions()->Assign(options.sessions.begin(), options.sessions.end());
  filter.mutable_statuses()->Assign(options.statuses.begin(), options.statuses.end());
  filter.set_search(options.search);
  return filter;
}

// Activity for one command: of a gateway, behind a budget service, or in Redis.
class ActivitySession {
 public:
  static absl::StatusOr<std::unique_ptr<ActivitySession>> open(const Options& options) {
    auto session = std::unique_ptr<ActivitySession>(new ActivitySession());
    if (!options.server.empty()) {
      const char* key = std::getenv(kKeyVariable);
      if (key == nullptr)
        return absl::InvalidArgumentError(fmt::format("--server: set {} to a key of that gateway", kKeyVariable));
      session->api_key_ = key;
      session->activity_ = std::make_unique<ActivityClient>(make_channel(options.server), kDeadline);
      return session;
    }
    const absl::StatusOr<Config> config = load_config(options.config, Secrets::kWithoutUpstreams);
    if (!config.ok())
      return config.status();
    if (!config->services.budget.empty()) {
      session->activity_ = std::make_unique<ActivityClient>(make_channel(config->services.budget), kDeadline);
      return session;
    }
    session->redis_ = make_redis(session->context_, config->redis);
    session->activity_ = std::make_unique<RedisActivity>(*session->redis_, config->budget);
    return session;
  }

  absl::StatusOr<v1::ActivityReply> query(v1::ActivityQuery request) {
    request.set_api_key(api_key_);
    return run_to_end(context_, activity_->query(request));
  }
  absl::StatusOr<v1::RecordsReply> records(v1::RecordsQuery request) {
    request.set_api_key(api_key_);
    return run_to_end(context_, activity_->records(request));
  }
  absl::Status export_records(v1::ExportQuery request, RecordSink& sink) {
    request.set_api_key(api_key_);
    return run_to_end(context_, activity_->export_records(request, sink));
  }

 private:
  ActivitySession() = default;

  asio::io_context context_;
  // A reply comes from a thread of gRPC's: until then there is nothing to run.
  asio::executor_work_guard<Executor> work_ = asio::make_work_guard(context_);
  std::unique_ptr<Redis> redis_;
  std::unique_ptr<Activity> activity_;
  std::string api_key_;
};

// Prints records as they come. A reader that is gone ends it.
class Printer final : public RecordSink {
 public:
  Printer(const Options& options) : options_(options) {}

  Awaitable<absl::Status> write(v1::ActivityRecord record) override {
    std::string text;
    if (options_.csv)
      append_record_csv(record, text);
    else if (options_.json)
      text = dump(record_object(record)) + "\n";
    else
      text = record_row(record);
    co_return print(text, options_.follow);
  }

  absl::Status print(std::string_view text, bool at_once) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    return written && (!at_once || std::fflush(stdout) == 0) ? absl::OkStatus()
                                                             : absl::CancelledError("nobody reads the output any more");
  }

 private:
  const Options& options_;
};

int show_records(const Options& options, ActivitySession& session, const v1::ActivityFilter& filter) {
  Printer printer(options);
  absl::Status status;
  if (options.csv)
    status = printer.print(record_csv_header(), true);
  else if (!options.json)
    status = printer.print(record_header(), true);
  if (!status.ok())
    return 0;
  if (options.follow || ((options.csv || options.json) && options.limit == 0)) {
    v1::ExportQuery request;
    *request.mutable_filter() = filter;
    request.set_follow(options.follow);
    status = session.export_records(std::move(request), printer);
    return status.ok() || absl::IsCancelled(status) ? 0 : complain(status);
  }
  v1::RecordsQuery request;
  *request.mutable_filter() = filter;
  std::uint32_t left = options.limit == 0 ? 50 : options.limit;
  do {
    request.set_limit(std::min<std::uint32_t>(left, 1000));
    const absl::StatusOr<v1::RecordsReply> reply = session.records(request);
    if (!reply.ok())
      return complain(reply.status());
    for (const v1::ActivityRecord& record : reply->records()) {
      std::string line;
      if (options.csv)
        append_record_csv(record, line);
      else
        line = options.json ? dump(record_object(record)) + "\n" : record_row(record);
      if (!printer.print(line, false).ok())
        return 0;
    }
    left -= std::min<std::uint32_t>(left, static_cast<std::uint32_t>(reply->records_size()));
    request.set_cursor(reply->cursor());
  } while (left > 0 && !request.cursor().empty());
  return 0;
}

int show_sums(const Options& options, ActivitySession& session, const v1::ActivityFilter& filter) {
  v1::ActivityQuery request;
  *request.mutable_filter() = filter;
  const absl::StatusOr<std::vector<v1::Dimension>> by =
      parse_dimensions(options.by.empty() && options.interval.empty() ? "model" : options.by);
  if (!by.ok())
    return complain(absl::InvalidArgumentError("--by: " + std::string(by.status().message())));
  request.mutable_by()->Assign(by->begin(), by->end());
  if (!options.interval.empty()) {
    const absl::StatusOr<v1::Interval> interval = parse_interval(options.interval);
    if (!interval.ok())
      return complain(absl::InvalidArgumentError("--interval: " + std::string(interval.status().message())));
    request.set_interval(*interval);
  }
  request.set_limit(options.limit != 0 ? options.limit : options.interval.empty() ? 100 : 10'000);
  const absl::StatusOr<v1::ActivityReply> reply = session.query(request);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json)
    fmt::print("{}\n", activity_json(request, *reply));
  else if (options.csv)
    fmt::print("{}", activity_csv(request, *reply));
  else
    fmt::print("{}", activity_table(request, *reply));
  return 0;
}

int show(const Options& options) {
  const absl::StatusOr<v1::ActivityFilter> filter = filter_of(options);
  if (!filter.ok())
    return complain(filter.status());
  const absl::StatusOr<std::unique_ptr<ActivitySession>> session = ActivitySession::open(options);
  if (!session.ok())
    return complain(session.status());
  return options.records || options.follow ? show_records(options, **session, *filter)
                                           : show_sums(options, **session, *filter);
}

}  // namespace

void add_activity_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("activity", "Who asked what of which model, when, and what it cost");
  auto options = std::make_shared<Options>();
  add_config_options(command, options->config, false);
  const auto several = [&](const char* name, std::vector<std::string>& values, const char* help) {
    command.add_option(name, values, fmt::format("{}; several times", help))->allow_extra_args(false);
  };
  command.add_option("--since", options->since,
                     "A time (2026-11-24T10:00:00Z, 2026-11-24, Unix ms) or a span before now (12h, 7d); default: 7d");
  command.add_option("--until", options->until, "The same; default: now");
  several("--key", options->keys, "Of this key, by its name or hash");
  several("--workspace", options->workspaces, "Of this workspace");
  several("--model", options->models, "Of this model");
  several("--provider", options->providers, "By this provider");
  several("--session", options->sessions, "Of this session of Claude Code");
  several("--status", options->statuses, "With this HTTP status, or class: 4xx");
  command.add_option("--search", options->search, "Part of a generation's id, model, key, session, user agent or app");
  CLI::Option* by = command.add_option(
      "--by", options->by, "Sums by key, workspace, model, provider, session, status: one or more, with commas");
  CLI::Option* interval = command.add_option("--interval", options->interval, "Sums by hour or day");
  command.add_option("--limit", options->limit, "At most so many lines")->check(CLI::Range(1, 10'000));
  CLI::Option* records = command.add_flag("--records", options->records, "Single requests, the newest first");
  CLI::Option* follow = command.add_flag("--follow", options->follow, "Single requests as they come, until ^C");
  CLI::Option* csv = command.add_flag("--csv", options->csv, "Print CSV; of --records: all, the oldest first");
  command.add_flag("--json", options->json, "Print JSON; of single requests one object a line")->excludes(csv);
  for (CLI::Option* sums : {by, interval}) {
    sums->excludes(records);
    sums->excludes(follow);
  }
  command.add_option(
      "--server", options->server,
      fmt::format("Ask the gateway at this gRPC address, with the key in {}: one that manages sees all", kKeyVariable));
  command.callback([&run, options] { run = [options] { return show(*options); }; });
}

}  // namespace tollgate
