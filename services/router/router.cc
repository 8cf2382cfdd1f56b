#include "services/router/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "services/common/access/authenticate.h"
#include "services/common/base/digest.h"
#include "services/common/base/errors.h"
#include "services/common/base/log.h"
#include "services/common/base/rates.h"
#include "services/router/able.h"
#include "services/router/attempt_watch.h"
#include "services/router/conversation.h"
#include "services/router/cost_bound.h"
#include "services/router/explain.h"
#include "services/router/request_record.h"
#include "services/router/request_scan.h"

namespace tollgate::router {
namespace {

using v1::Failure;

constexpr std::chrono::milliseconds kSettling{2000};
// For clients that cannot change the body: the same object as its `provider`.
constexpr const char* kPreferencesHeader = "x-tollgate-provider";
// Tells of a model that was served by its family.
constexpr const char* kFamilyHeader = "x-tollgate-unknown-model";

void add_edit(v1::SendRequest& send, const Span& span, std::string replacement) {
  v1::Edit& edit = *send.add_edits();
  edit.set_offset(span.offset);
  edit.set_length(span.length);
  edit.set_replacement(std::move(replacement));
}

// What changes in the body for an upstream that calls the model `upstream_model`. Ascending, as the contract says.
void set_edits(v1::SendRequest& send, const RequestScan& scan, const std::string& upstream_model) {
  send.clear_edits();
  bool model_done = upstream_model == scan.model;
  for (const Span& span : scan.removed) {
    if (!model_done && scan.model_value.offset < span.offset) {
      add_edit(send, scan.model_value, nlohmann::json(upstream_model).dump());
      model_done = true;
    }
    add_edit(send, span, "");
  }
  if (!model_done)
    add_edit(send, scan.model_value, nlohmann::json(upstream_model).dump());
}

absl::Status with_generation(absl::Status status, const std::string& generation_id) {
  Failure failure = failure_of(status);
  failure.set_generation_id(generation_id);
  return to_status(failure);
}

absl::Status not_permitted(const std::string& asked, const v1::Permissions& permissions) {
  const auto list = [](const google::protobuf::RepeatedPtrField<std::string>& names) {
    return names.empty() ? std::string("any") : fmt::format("{}", fmt::join(names, ", "));
  };
  return error(Failure::KIND_PERMISSION_DENIED,
               fmt::format("model: this key may not ask for {} as the request has it. Allowed models: {}; allowed "
                           "providers: {}. Ask for one of them, or have the key's permissions changed.",
                           asked, list(permissions.models()), list(permissions.providers())));
}

v1::Frame done_frame(const Account& account, const Candidate& candidate) {
  v1::Frame frame;
  v1::Done& done = *frame.mutable_done();
  done.set_generation_id(account.generation_id());
  done.set_provider(candidate.endpoint->provider());
  done.set_model(candidate.model->id());
  *done.mutable_usage() = account.usage();
  done.set_cost_nano_usd(account.cost());
  done.set_errored(account.errored());
  return frame;
}

// Adds what the client's headers prefer, and takes them away: no upstream knows them.
absl::Status take_preferences(Headers& headers, ProviderPreferences& preferences) {
  int kept = 0;
  for (int i = 0; i < headers.size(); ++i) {
    if (strcasecmp(headers.Get(i).name().c_str(), kPreferencesHeader) != 0) {
      headers.SwapElements(kept++, i);
      continue;
    }
    const absl::StatusOr<ProviderPreferences> added = parse_preferences(headers.Get(i).value(), kPreferencesHeader);
    if (!added.ok())
      return added.status();
    preferences = merge_preferences(preferences, *added);
  }
  headers.DeleteSubrange(kept, headers.size() - kept);
  return absl::OkStatus();
}

// Lets the account see each frame on its way.
class Meter : public FrameSink {
 public:
  Meter(Account& account, FrameSink& next) : account_(account), next_(next) {}

  Awaitable<absl::Status> write(v1::Frame frame) override {
    account_.note(frame);
    return next_.write(std::move(frame));
  }

 private:
  Account& account_;
  FrameSink& next_;
};

// An attempt whose end tells how its endpoint does. The client may have left by then, the attempt going on (Drains).
struct Running {
  std::shared_ptr<void> plan;
  Health::Admission admission;
};

// The ledger may have taken the hold all the same.
bool is_unanswered(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Router::Plan {
  // All of the request goes by one table, whatever the catalog becomes.
  std::shared_ptr<const ModelTable> models;
  RequestScan scan;
  SelectionAsk selection;
  std::vector<Candidate> candidates;
  v1::SendRequest send;
  bool tell_attempts = false;
  // Unset when there is no choice.
  std::optional<Conversation> conversation;
  std::string key_hash;

  // What is remembered of the conversation, for each model by itself.
  std::string sticky_name(const Candidate& candidate) const {
    return sha256_hex(fmt::format("{}\n{}\n{}", key_hash, candidate.model->id(), conversation->id));
  }

  void aim_at(const Candidate& candidate) {
    send.set_upstream(candidate.endpoint->upstream());
    send.set_model(candidate.endpoint->upstream_model());
    *send.mutable_features() = candidate.endpoint->features();
    set_edits(send, scan, candidate.endpoint->upstream_model());
  }
};

// The table with all that the plan's candidates point to beside it.
std::shared_ptr<const ModelTable> Router::kept_models(const Plan& plan) {
  const bool all_in_table = std::all_of(plan.selection.models.begin(), plan.selection.models.end(),
                                        [](const AskedModel& asked) { return asked.made == nullptr; });
  if (all_in_table)
    return plan.models;
  const auto kept = std::make_shared<std::pair<std::shared_ptr<const ModelTable>, std::vector<AskedModel>>>(
      plan.models, plan.selection.models);
  return {kept, kept->first.get()};
}

void Router::tell_families(const Plan& plan, std::vector<v1::Header>& headers) {
  for (const AskedModel& asked : plan.selection.models) {
    if (asked.made == nullptr)
      continue;
    Log(spdlog::level::warn, "unknown_model").with("model", asked.model->id()).with("served_like", asked.like);
    v1::Header& header = headers.emplace_back();
    header.set_name(kFamilyHeader);
    header.set_value(fmt::format("{} is not in the catalog: priced as {}", asked.model->id(), asked.like));
  }
}

Router::Router(asio::io_context& context, LiveModels models, Ledger& ledger, Keys& keys, ProviderAdapter& adapter,
               Health& health, DrainOptions drains, SelectionParts selection)
    : models_(std::move(models)),
      ledger_(ledger),
      keys_(keys),
      adapter_(adapter),
      health_(health),
      selection_(std::move(selection)),
      metrics_(telemetry(), [this](std::string_view model) { return models_.get()->find(model) != nullptr; }),
      settler_(context, ledger, &metrics_),
      keeper_(context, ledger),
      drains_(context, adapter, drains) {}

absl::StatusOr<std::shared_ptr<Router::Plan>> Router::plan(v1::CreateRequest& request,
                                                           v1::ActivityRecord& record) const {
  auto plan = std::make_shared<Plan>();
  plan->send.set_body(std::move(*request.mutable_body()));
  plan->send.mutable_headers()->Swap(request.mutable_headers());
  plan->tell_attempts = take_metadata_wish(*plan->send.mutable_headers());
  absl::StatusOr<RequestScan> scan = scan_request(*plan->send.mutable_body());
  if (!scan.ok())
    return scan.status();
  plan->scan = *std::move(scan);
  add_body(plan->scan, plan->send.body(), plan->send.headers(), record);
  plan->send.set_stream(plan->scan.stream);
  plan->send.mutable_members()->Assign(plan->scan.members.begin(), plan->scan.members.end());
  if (absl::Status status = take_preferences(*plan->send.mutable_headers(), plan->scan.provider); !status.ok())
    return status;
  plan->models = models_.get();
  absl::StatusOr<SelectionAsk> selection = selection_ask(plan->scan, *plan->models);
  if (!selection.ok())
    return selection.status();
  plan->selection = *std::move(selection);
  const std::string_view body = plan->send.body();
  CostAsk& cost = plan->selection.cost;
  cost.body_bytes = body.size();
  cost.traits = prompt_traits(body);
  cost.tools =
      server_tools(body.substr(plan->scan.tools.offset, plan->scan.tools.length), cost.traits, plan->scan.mcp_servers);
  Filtered filtered = filter_candidates(plan->selection, {});
  if (filtered.candidates.empty())
    return nothing_left(plan->scan.model, filtered.excluded, false);
  plan->candidates = std::move(filtered.candidates);
  if (absl::Status able = keep_able(plan->send.body(), plan->candidates); !able.ok())
    return able;
  if (plan->candidates.size() > 1) {
    absl::StatusOr<Conversation> conversation = conversation_of(plan->scan, body, plan->send.headers());
    if (!conversation.ok())
      return conversation.status();
    plan->conversation = *std::move(conversation);
  }
  return plan;
}

void Router::state_costs(const Plan& plan, v1::ReserveRequest& reserve) const {
  const CostAsk& ask = plan.selection.cost;
  reserve.set_model(plan.candidates.front().model->id());
  std::vector<v1::CostBound> bounds;
  for (const Candidate& candidate : plan.candidates) {
    std::vector<const v1::Endpoint*> advisors;
    if (ask.tools.advices > 0)
      advisors = plan.models->endpoints_beside(*candidate.endpoint);
    bounds.push_back(bound_of(ask, *candidate.endpoint, advisors));
    reserve.set_expected_input_tokens(
        std::max(reserve.expected_input_tokens(), expected_input_tokens(ask, *candidate.endpoint)));
  }
  keep_undominated(bounds);
  for (v1::CostBound& bound : bounds)
    *reserve.add_bounds() = std::move(bound);
}

absl::Status Router::choose(Plan& plan, const v1::Permissions& permissions,
                            const google::protobuf::RepeatedPtrField<std::string>& defaults) const {
  for (const std::string& json : defaults) {
    const absl::StatusOr<ProviderPreferences> preferences = parse_preferences(json, "provider");
    if (!preferences.ok())
      return preferences.status();
    plan.selection.preferences = merge_preferences(plan.selection.preferences, *preferences);
  }
  Filtered filtered = filter_candidates(plan.selection, permissions);
  if (filtered.candidates.empty()) {
    const bool forbidden = std::any_of(filtered.excluded.begin(), filtered.excluded.end(),
                                       [](const Exclusion& each) { return each.by == Exclusion::By::kPermissions; });
    return forbidden ? not_permitted(plan.scan.model, permissions)
                     : nothing_left(plan.scan.model, filtered.excluded, !defaults.empty());
  }
  // Who cannot take the request was left out before.
  std::erase_if(filtered.candidates, [&](const Candidate& candidate) {
    return std::find(plan.candidates.begin(), plan.candidates.end(), candidate) == plan.candidates.end();
  });
  if (filtered.candidates.empty())
    return keep_able(plan.send.body(), filtered.candidates);
  const auto sticks = [&](const Candidate& candidate) {
    return plan.conversation && worth_staying(*candidate.endpoint) &&
           selection_.sticky->sticks_to(plan.sticky_name(candidate), *candidate.endpoint);
  };
  plan.candidates = in_order(plan.selection, filtered.candidates, selection_.health ? *selection_.health : health_,
                             sticks, selection_.random);
  return absl::OkStatus();
}

void Router::remember(const Plan& plan, const Candidate& candidate, const v1::Usage& usage) const {
  // A conversation that nobody has named is worth it once a cache is in use.
  const bool cached =
      usage.cache_read_tokens() > 0 || usage.cache_write_5m_tokens() > 0 || usage.cache_write_1h_tokens() > 0;
  if (plan.conversation && worth_staying(*candidate.endpoint) && (plan.conversation->named || cached))
    selection_.sticky->remember(plan.sticky_name(candidate), *candidate.endpoint);
}

absl::Status Router::refuse(const absl::Status& status, v1::ActivityRecord record, bool unanswered) {
  add_failure(failure_of(status), record);
  record.set_duration_ms(age_ms(record));
  absl::Status told = with_generation(status, record.generation_id());
  settler_.note(std::move(record), unanswered);
  return told;
}

Awaitable<absl::Status> Router::create(v1::CreateRequest request, FrameSink& sink) {
  v1::ReserveRequest reserve;
  reserve.set_generation_id(new_generation_id());
  const absl::StatusOr<std::string> key_hash = key_hash_of(request.api_key());
  if (!key_hash.ok())
    co_return with_generation(key_hash.status(), reserve.generation_id());
  reserve.set_key_hash(*key_hash);

  v1::ActivityRecord& record = *reserve.mutable_record();
  record = begin_record(reserve.generation_id(), *key_hash, request);
  const absl::StatusOr<std::shared_ptr<Plan>> made = this->plan(request, record);
  if (!made.ok()) {
    // A stranger learns nothing about the catalog.
    const absl::Status refused = co_await authenticate(keys_, *key_hash);
    co_return refuse(refused.ok() ? made.status() : refused, record);
  }
  const std::shared_ptr<Plan>& plan = *made;
  state_costs(*plan, reserve);
  const absl::StatusOr<v1::ReserveReply> hold = co_await ledger_.reserve(reserve);
  if (!hold.ok())
    co_return refuse(hold.status(), record, is_unanswered(hold.status().code()));

  const auto account = std::make_shared<Account>(settler_, keeper_, kept_models(*plan), reserve, *hold);
  plan->key_hash = *key_hash;
  const absl::Status chosen = choose(*plan, hold->permissions(), hold->provider_preferences());
  if (!chosen.ok()) {
    account->failed(failure_of(chosen));
    account->settle();
    co_return with_generation(chosen, reserve.generation_id());
  }
  plan->send.set_generation_id(reserve.generation_id());
  std::vector<v1::Header> headers;
  for (const v1::RateState& rate : hold->rates()) {
    for (v1::Header& header : rate_headers(rate))
      headers.push_back(std::move(header));
  }
  tell_families(*plan, headers);
  v1::Header& id = headers.emplace_back();
  id.set_name("x-generation-id");
  id.set_value(reserve.generation_id());
  const absl::Status status = co_await serve(plan, account, std::move(headers), sink);
  co_return status.ok() ? status : with_generation(status, reserve.generation_id());
}

Awaitable<absl::Status> Router::attempt(const std::shared_ptr<Plan>& plan, const std::shared_ptr<Account>& account,
                                        const Candidate& candidate, Health::Admission admission, Relay& relay) {
  plan->aim_at(candidate);
  account->begin(candidate, expected_usage(plan->selection.cost, *candidate.endpoint));
  const auto running = std::make_shared<Running>(Running{plan, std::move(admission)});
  AttemptWatch watch(running->admission, relay);
  absl::Status status;
  if (candidate.endpoint->bills_after_abort()) {
    std::shared_ptr<const v1::SendRequest> send(running, &plan->send);
    status = co_await drains_.send(std::move(send), account, watch);
  } else {
    Meter meter(*account, watch);
    status = co_await adapter_.send(plan->send, meter);
  }
  // The client has left: nobody knows how it would have ended.
  if (!relay.client_status().ok())
    co_return status;
  if (status.ok() && !account->done())
    status = error(Failure::KIND_UNAVAILABLE, "The upstream's answer ended early.");
  if (!status.ok()) {
    // Without a Failure it is the way to the adapter that is broken, and no upstream.
    if (carries_failure(status))
      running->admission.failed(failure_of(status));
  } else if (account->errored()) {
    running->admission.failed(make_failure(Failure::KIND_UNAVAILABLE, "The stream ended with an error of its own."));
  } else {
    running->admission.succeeded(plan->scan.stream ? watch.performance() : Performance());
  }
  co_return status;
}

Awaitable<absl::Status> Router::serve(const std::shared_ptr<Plan>& plan, const std::shared_ptr<Account>& account,
                                      std::vector<v1::Header> headers, FrameSink& sink) {
  Cascade cascade(plan->tell_attempts);
  auto attempts_so_far = [&cascade] { return cascade.header(); };
  Relay relay(sink, std::move(headers), std::move(attempts_so_far));
  health_.begin_request();
  for (const Candidate& candidate : plan->candidates) {
    if (!cascade.fits(candidate))
      continue;
    if (cascade.made() > 0 && !health_.may_retry(*candidate.endpoint)) {
      Log(spdlog::level::warn, "retries_spent").with("generation_id", account->generation_id());
      break;
    }
    absl::StatusOr<Health::Admission> admission = health_.admit(*candidate.endpoint);
    if (!admission.ok()) {
      cascade.refuse(candidate, failure_of(admission.status()));
      account->set_attempts(cascade.attempts());
      continue;
    }
    relay.begin_attempt();
    cascade.begin(candidate);
    const absl::Status status = co_await attempt(plan, account, candidate, *std::move(admission), relay);
    if (!relay.client_status().ok())
      co_return relay.client_status();
    if (status.ok()) {
      account->settle();
      if (!account->errored())
        remember(*plan, candidate, account->usage());
      v1::Frame frame = done_frame(*account, candidate);
      co_return co_await sink.write(std::move(frame));
    }
    Failure failure = failure_of(status);
    Log(spdlog::level::warn, "attempt_failed")
        .with("generation_id", account->generation_id())
        .with("provider", candidate.endpoint->provider())
        .with("model", candidate.endpoint->upstream_model())
        .with("kind", Failure::Kind_Name(failure.kind()))
        .with("status", failure.http_status())
        .with("committed", relay.committed() ? "yes" : "no")
        // An upstream may quote the request in its error: that stays out of the log.
        .with("error", failure.body().empty() ? failure.message() : "");
    if (relay.committed()) {
      account->failed(failure);
      account->settle();
      cascade.tell(failure);
      co_return to_status(failure);
    }
    account->forget();
    const bool next = cascade.fail(std::move(failure));
    account->set_attempts(cascade.attempts());
    if (!next)
      break;
  }
  const absl::Status status = cascade.status();
  account->failed(failure_of(status));
  account->settle();
  co_return status;
}

Awaitable<bool> Router::settled(std::chrono::milliseconds limit, std::stop_token haste) {
  const auto end = SteadyClock::now() + limit;
  // The settlements of what is ended by force need their time, too.
  const auto drained = end - std::min<std::chrono::milliseconds>(kSettling, limit / 2);
  co_await drains_.finish(drained, haste);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now());
  const bool all = co_await settler_.settled(std::max(left, std::chrono::milliseconds(0)), haste);
  co_return all&& drains_.running() == 0;
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> Router::count_tokens(v1::CreateRequest request) {
  const absl::StatusOr<std::string> key_hash = key_hash_of(request.api_key());
  if (!key_hash.ok())
    co_return key_hash.status();
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys_, request.api_key());
  if (!key.ok())
    co_return key.status();
  // Counting costs nothing, and leaves no record.
  v1::ActivityRecord no_record;
  const absl::StatusOr<std::shared_ptr<Plan>> made = this->plan(request, no_record);
  if (!made.ok())
    co_return made.status();
  const std::shared_ptr<Plan>& plan = *made;
  plan->key_hash = *key_hash;
  const std::vector<std::string> defaults = default_preferences(*key);
  const absl::Status chosen = choose(*plan, key->permissions(), {defaults.begin(), defaults.end()});
  if (!chosen.ok())
    co_return chosen;
  Cascade cascade(plan->tell_attempts);
  health_.begin_request();
  for (const Candidate& candidate : plan->candidates) {
    if (cascade.made() > 0 && !health_.may_retry(*candidate.endpoint))
      break;
    absl::StatusOr<Health::Admission> admission = health_.admit(*candidate.endpoint);
    if (!admission.ok()) {
      cascade.refuse(candidate, failure_of(admission.status()));
      continue;
    }
    plan->aim_at(candidate);
    cascade.begin(candidate);
    absl::StatusOr<v1::CountTokensReply> reply = co_await adapter_.count_tokens(plan->send);
    if (reply.ok()) {
      admission->answered();
      if (std::optional<v1::Header> header = cascade.header())
        *reply->mutable_head()->add_headers() = *std::move(header);
      co_return reply;
    }
    Failure failure = failure_of(reply.status());
    // Whether messages are answered is another matter; whether the host can be reached is not.
    if (failure.stage() == Failure::STAGE_CONNECTION)
      admission->failed(failure);
    if (!cascade.fail(std::move(failure)))
      break;
  }
  co_return cascade.status();
}

}  // namespace tollgate::router
