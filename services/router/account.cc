#include "services/router/account.h"

#include <algorithm>

#include "services/router/cascade.h"
#include "services/router/conversation.h"
#include "services/router/cost.h"
#include "services/router/request_record.h"

namespace tollgate::router {
namespace {

std::int64_t prompt_tokens(const v1::Usage& usage) {
  return usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() +
         usage.cache_write_1h_tokens();
}

// Of the upstream's own headers.
std::string upstream_id_of(const v1::Head& head) {
  for (const char* name : {"request-id", "x-request-id", "x-amzn-requestid", "apim-request-id"}) {
    const std::string_view value = header_value(head.headers(), name);
    if (!value.empty())
      return record_text(value);
  }
  return {};
}

}  // namespace

Account::Account(Settler& settler, LeaseKeeper& keeper, std::shared_ptr<const ModelTable> models,
                 const v1::ReserveRequest& reserved, const v1::ReserveReply& hold)
    : Lease(reserved, hold),
      settler_(settler),
      models_(std::move(models)),
      record_(reserved.record()),
      arrived_(SteadyClock::now()) {
  if (record_.created_ms() != 0)
    arrived_ -= std::chrono::milliseconds(age_ms(record_));
  record_.set_key_name(hold.key_name());
  keeper.add(*this);
}

Account::~Account() {
  settle_left();
}

void Account::begin(const Candidate& candidate, v1::Usage expected) {
  forget();
  candidate_ = candidate;
  expected_ = std::move(expected);
  attempt_began_ = SteadyClock::now();
}

void Account::forget() {
  candidate_ = {nullptr, nullptr};
  reported_.Clear();
  streamed_tokens_ = 0;
  done_ = false;
  errored_ = false;
  first_token_.reset();
  head_status_ = 0;
  upstream_id_.clear();
}

void Account::set_attempts(const google::protobuf::RepeatedPtrField<v1::AttemptRecord>& attempts) {
  *record_.mutable_attempts() = attempts;
}

void Account::failed(const v1::Failure& failure) {
  failure_ = failure;
}

void Account::note(const v1::Frame& frame) {
  switch (frame.kind_case()) {
    case v1::Frame::kData:
      streamed_tokens_ += frame.estimated_output_tokens();
      break;
    case v1::Frame::kHead:
      head_status_ = frame.head().status();
      upstream_id_ = upstream_id_of(frame.head());
      break;
    case v1::Frame::kCommitted:
      if (!first_token_)
        first_token_ = SteadyClock::now();
      break;
    case v1::Frame::kUsage:
      reported_ = frame.usage();
      break;
    case v1::Frame::kDone:
      done_ = true;
      errored_ = frame.done().errored();
      if (frame.done().has_usage())
        reported_ = frame.done().usage();
      break;
    default:
      break;
  }
}

v1::Usage Account::usage() const {
  if (reported_.final())
    return reported_;
  if (insured_)
    return {};
  v1::Usage usage = reported_;
  // No prompt is empty: a report without one has not counted it yet.
  if (candidate_.endpoint != nullptr && prompt_tokens(reported_) == 0) {
    usage.set_input_tokens(expected_.input_tokens());
    usage.set_cache_write_5m_tokens(expected_.cache_write_5m_tokens());
    usage.set_speed(expected_.speed());
  }
  usage.set_output_tokens(std::max(reported_.output_tokens(), streamed_tokens_));
  return usage;
}

std::int64_t Account::cost_of(const v1::Usage& usage) const {
  const v1::Endpoint& endpoint = *candidate_.endpoint;
  return router::cost_of(usage, endpoint,
                         [&](std::string_view model) { return models_->endpoint_beside(endpoint, model); });
}

std::int64_t Account::cost() const {
  if (candidate_.endpoint == nullptr)
    return 0;
  if (reported_.final())
    return cost_of(reported_);
  if (insured_)
    return 0;
  return std::max(cost_of(reported_), std::min(cost_of(usage()), hold_nano_usd()));
}

void Account::insure() {
  if (!settled_)
    insured_ = !(done_ && !errored_) && streamed_tokens_ == 0;
}

void Account::settle() {
  insure();
  const bool known = reported_.final() || candidate_.endpoint == nullptr;
  send_settlement(known ? v1::USAGE_SOURCE_REPORTED : v1::USAGE_SOURCE_ESTIMATED, false);
}

void Account::settle_drained() {
  insure();
  send_settlement(reported_.final() ? v1::USAGE_SOURCE_DRAINED : v1::USAGE_SOURCE_ESTIMATED, true);
}

void Account::settle_left() {
  const bool known = reported_.final() || candidate_.endpoint == nullptr;
  send_settlement(known ? v1::USAGE_SOURCE_REPORTED : v1::USAGE_SOURCE_ESTIMATED, true);
}

void Account::send_settlement(v1::UsageSource source, bool left) {
  if (settled_)
    return;
  settled_ = true;
  if (is_linked())
    unlink();
  v1::SettleRequest request;
  request.set_workspace(workspace());
  request.set_key_hash(key_hash());
  request.set_generation_id(generation_id());
  request.set_cost_nano_usd(cost());
  *request.mutable_usage() = usage();
  request.set_usage_source(source);
  if (candidate_.model != nullptr) {
    request.set_model(candidate_.model->id());
    request.set_provider(candidate_.endpoint->provider());
  }
  *request.mutable_record() = finished_record(left);
  request.mutable_record()->set_cost_nano_usd(request.cost_nano_usd());
  settler_.settle(std::move(request));
}

v1::ActivityRecord Account::finished_record(bool left) {
  const auto ms = [](SteadyClock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  v1::ActivityRecord record = std::move(record_);
  *record.mutable_usage() = usage();
  record.set_finish_reason(record_text(record.usage().stop_reason()));
  record.mutable_usage()->clear_stop_reason();
  const auto now = SteadyClock::now();
  if (candidate_.model != nullptr) {
    const v1::Endpoint& endpoint = *candidate_.endpoint;
    record.set_model(candidate_.model->id());
    record.set_provider(endpoint.provider());
    const std::int64_t charged = cost();
    if (charged > 0) {
      *record.mutable_cost_parts() = parts_of(charged, record.usage(), endpoint, [&](std::string_view model) {
        return models_->endpoint_beside(endpoint, model);
      });
    }
    v1::AttemptRecord& attempt = *record.add_attempts();
    attempt.set_provider(endpoint.provider());
    attempt.set_model(record.model());
    attempt.set_status(head_status_);
    attempt.set_kind(failure_ ? kind_name(failure_->kind()) : errored_ ? "unavailable" : done_ ? "ok" : "cancelled");
    attempt.set_latency_ms(ms(first_token_.value_or(now) - attempt_began_));
  } else if (!record.attempts().empty()) {
    const v1::AttemptRecord& last = *record.attempts().rbegin();
    record.set_model(last.model());
    record.set_provider(last.provider());
  }
  record.set_status(head_status_);
  if (failure_) {
    // Of a stream that broke off the client has the status already.
    const unsigned told = first_token_ ? head_status_ : failure_->http_status();
    add_failure(*failure_, record);
    record.set_status(told);
  } else if (errored_) {
    record.set_error_type("api_error");
  }
  record.set_cancelled(left && !failure_);
  record.set_upstream_id(upstream_id_);
  // What came within its first millisecond came nevertheless.
  if (first_token_)
    record.set_first_token_ms(std::max<std::int64_t>(ms(*first_token_ - arrived_), 1));
  record.set_duration_ms(std::max(ms(now - arrived_), record.first_token_ms()));
  return record;
}

}  // namespace tollgate::router
