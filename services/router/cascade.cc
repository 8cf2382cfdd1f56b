#include "services/router/cascade.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

namespace tollgate::router {
namespace {

using v1::Failure;

constexpr const char* kAttempts = "x-tollgate-attempts";

// How much a client learns from a failure: what it can wait for before what only the operator can mend.
int usefulness(const Failure& failure) {
  const auto of_kind = [&] {
    switch (failure.kind()) {
      case Failure::KIND_CONTEXT_LENGTH:
        return 4;
      case Failure::KIND_RATE_LIMITED:
      case Failure::KIND_OVERLOADED:
        return 3;
      case Failure::KIND_UNAVAILABLE:
      case Failure::KIND_TIMEOUT:
        return 2;
      default:
        return 1;
    }
  };
  // An upstream's own word before the gateway's about it.
  return 2 * of_kind() + (failure.stage() == Failure::STAGE_GATEWAY ? 0 : 1);
}

bool is_named(const v1::Header& header, std::string_view name) {
  return std::equal(header.name().begin(), header.name().end(), name.begin(), name.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

v1::Header* find(Failure& failure, std::string_view name) {
  for (v1::Header& header : *failure.mutable_headers()) {
    if (is_named(header, name))
      return &header;
  }
  return nullptr;
}

// A wait makes sense where the same request may do better later.
void set_wait(Failure& failure, std::uint64_t ms) {
  if (ms == 0 || (failure.http_status() != 429 && failure.http_status() < 500))
    return;
  v1::Header* seconds = find(failure, "retry-after");
  if (seconds != nullptr && failure.retry_after_ms() == ms)
    return;
  failure.set_retry_after_ms(ms);
  const std::string rounded_up = std::to_string((ms + 999) / 1000);
  if (seconds != nullptr)
    seconds->set_value(rounded_up);
  else
    add_header(failure, "retry-after", rounded_up);
  if (v1::Header* exact = find(failure, "retry-after-ms"))
    exact->set_value(std::to_string(ms));
}

std::string header_value(const google::protobuf::RepeatedPtrField<v1::AttemptRecord>& attempts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const v1::AttemptRecord& attempt : attempts) {
    nlohmann::ordered_json& each = json.emplace_back();
    each["provider"] = attempt.provider();
    each["status"] = attempt.status();
    each["kind"] = attempt.kind();
    each["latency_ms"] = attempt.latency_ms();
  }
  // Headers are ASCII.
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string kind_name(FailureKind kind) {
  constexpr std::size_t kPrefix = std::string_view("KIND_").size();
  std::string name = Failure::Kind_Name(kind).substr(kPrefix);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool moves_on(FailureKind kind) {
  switch (kind) {
    case Failure::KIND_RATE_LIMITED:
    case Failure::KIND_OVERLOADED:
    case Failure::KIND_UNAVAILABLE:
    case Failure::KIND_TIMEOUT:
    case Failure::KIND_UPSTREAM_AUTH:
    case Failure::KIND_CONTEXT_LENGTH:
    case Failure::KIND_UNSUPPORTED:
      return true;
    default:
      return false;
  }
}

void Cascade::begin(const Candidate& candidate) {
  candidate_ = candidate;
  began_ = std::chrono::steady_clock::now();
  ++made_;
}

std::int64_t Cascade::elapsed_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_).count();
}

bool Cascade::fail(Failure failure) {
  if (failure.kind() == Failure::KIND_CONTEXT_LENGTH)
    needed_context_ = std::max(needed_context_, candidate_.endpoint->context_tokens());
  const bool next = moves_on(failure.kind());
  add(std::move(failure), elapsed_ms());
  return next;
}

void Cascade::refuse(const Candidate& candidate, Failure failure) {
  candidate_ = candidate;
  add(std::move(failure), 0);
}

void Cascade::add(Failure failure, std::int64_t latency_ms) {
  *attempts_.Add() = record(&failure, latency_ms);
  if (const std::uint64_t wait = failure.retry_after_ms(); wait > 0)
    shortest_wait_ms_ = shortest_wait_ms_ == 0 ? wait : std::min(shortest_wait_ms_, wait);
  if (!best_ || usefulness(failure) > usefulness(*best_))
    best_ = std::move(failure);
}

v1::AttemptRecord Cascade::record(const Failure* failure, std::int64_t latency_ms) const {
  v1::AttemptRecord record;
  record.set_provider(candidate_.endpoint->provider());
  record.set_model(candidate_.model->id());
  record.set_status(failure != nullptr ? failure->http_status() : 200);
  record.set_kind(failure != nullptr ? kind_name(failure->kind()) : "ok");
  record.set_latency_ms(latency_ms);
  return record;
}

absl::Status Cascade::status() const {
  Failure failure = *best_;
  set_wait(failure, shortest_wait_ms_);
  if (told_) {
    *failure.mutable_attempts() = attempts_;
    add_header(failure, kAttempts, header_value(attempts_));
  }
  return to_status(failure);
}

void Cascade::tell(Failure& failure) const {
  if (!told_)
    return;
  *failure.mutable_attempts() = attempts_;
  *failure.add_attempts() = record(&failure, elapsed_ms());
}

std::optional<v1::Header> Cascade::header() const {
  if (!told_)
    return std::nullopt;
  auto attempts = attempts_;
  *attempts.Add() = record(nullptr, elapsed_ms());
  v1::Header header;
  header.set_name(kAttempts);
  header.set_value(header_value(attempts));
  return header;
}

bool take_metadata_wish(google::protobuf::RepeatedPtrField<v1::Header>& headers) {
  bool wanted = false;
  const auto own = [&](const v1::Header& header) {
    if (!is_named(header, "x-openrouter-metadata"))
      return false;
    wanted |= header.value() == "enabled";
    return true;
  };
  headers.erase(std::remove_if(headers.begin(), headers.end(), own), headers.end());
  return wanted;
}

}  // namespace tollgate::router
