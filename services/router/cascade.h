// What becomes of a request's attempts: whether the next candidate is tried, and what its client is told when all have
// failed. services/router/README.md has the whole of it as a table.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "services/common/base/errors.h"
#include "services/router/candidates.h"

namespace tollgate::router {

// The failures of one upstream that another one may not have.
bool moves_on(FailureKind kind);

// The attempts of one request. `told`: its client wants to know of them.
class Cascade {
 public:
  explicit Cascade(bool told) : told_(told) {}

  // An attempt begins, has failed, or could not even begin (Health::admit).
  void begin(const Candidate& candidate);
  // False: no other upstream can help. `failure`: what status() may show.
  bool fail(v1::Failure failure);
  void refuse(const Candidate& candidate, v1::Failure failure);

  // Attempts that were made.
  int made() const { return made_; }
  // Whether an endpoint with so much context can help after what has failed.
  bool fits(const Candidate& candidate) const { return candidate.endpoint->context_tokens() > needed_context_; }
  // All that have failed or were refused.
  const google::protobuf::RepeatedPtrField<v1::AttemptRecord>& attempts() const { return attempts_; }
  // At least one has failed or was refused.
  bool failed() const { return best_.has_value(); }

  // After one that failed: the failure from which the client learns most, with the shortest wait that any asked for.
  absl::Status status() const;
  // Adds the attempts to a failure that is none of status(): one after content had gone out.
  void tell(v1::Failure& failure) const;
  // x-tollgate-attempts for a response of the attempt that runs; unset when the client does not want it.
  std::optional<v1::Header> header() const;

 private:
  void add(v1::Failure failure, std::int64_t latency_ms);
  v1::AttemptRecord record(const v1::Failure* failure, std::int64_t latency_ms) const;
  std::int64_t elapsed_ms() const;

  const bool told_;
  int made_ = 0;
  std::int64_t needed_context_ = 0;
  Candidate candidate_{nullptr, nullptr};
  std::chrono::steady_clock::time_point began_;
  std::optional<v1::Failure> best_;
  std::uint64_t shortest_wait_ms_ = 0;
  google::protobuf::RepeatedPtrField<v1::AttemptRecord> attempts_;
};

// rate_limited, overloaded, ...
std::string kind_name(FailureKind kind);

// Whether a request's headers ask for its attempts (x-openrouter-metadata: enabled). Takes that header out: it is not
// the upstream's.
bool take_metadata_wish(google::protobuf::RepeatedPtrField<v1::Header>& headers);

}  // namespace tollgate::router
