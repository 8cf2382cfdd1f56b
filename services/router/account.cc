#include "services/router/account.h"

#include <algorithm>

#include "services/router/cost.h"

namespace tollgate::router {
namespace {

std::int64_t prompt_tokens(const v1::Usage& usage) {
  return usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_5m_tokens() +
         usage.cache_write_1h_tokens();
}

}  // namespace

Account::Account(Settler& settler, LeaseKeeper& keeper, std::shared_ptr<const ModelTable> models,
                 const v1::ReserveRequest& reserved, const v1::ReserveReply& hold)
    : Lease(reserved, hold), settler_(settler), models_(std::move(models)) {
  keeper.add(*this);
}

Account::~Account() {
  settle_left();
}

void Account::begin(const Candidate& candidate, v1::Usage expected) {
  forget();
  candidate_ = candidate;
  expected_ = std::move(expected);
}

void Account::forget() {
  candidate_ = {nullptr, nullptr};
  reported_.Clear();
  streamed_tokens_ = 0;
  done_ = false;
  errored_ = false;
}

void Account::note(const v1::Frame& frame) {
  switch (frame.kind_case()) {
    case v1::Frame::kData:
      streamed_tokens_ += frame.estimated_output_tokens();
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
  send_settlement(known ? v1::USAGE_SOURCE_REPORTED : v1::USAGE_SOURCE_ESTIMATED);
}

void Account::settle_drained() {
  insure();
  send_settlement(reported_.final() ? v1::USAGE_SOURCE_DRAINED : v1::USAGE_SOURCE_ESTIMATED);
}

void Account::settle_left() {
  const bool known = reported_.final() || candidate_.endpoint == nullptr;
  send_settlement(known ? v1::USAGE_SOURCE_REPORTED : v1::USAGE_SOURCE_ESTIMATED);
}

void Account::send_settlement(v1::UsageSource source) {
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
  settler_.settle(std::move(request));
}

}  // namespace tollgate::router
