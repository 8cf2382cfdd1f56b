// What a router counts of requests that are over: by model and provider of the catalog, never by what a client sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "services/common/telemetry/telemetry.h"
#include "tollgate/v1/ledger.pb.h"

namespace tollgate::router {

// One for each shard; used on its thread only. A model and provider are looked up once and remembered: what follows
// takes no lock and makes no string.
class Metrics {
 public:
  // `knows`: whether the catalog has a model of this id. Those that it does not have are one: "other".
  Metrics(Telemetry& telemetry, std::function<bool(std::string_view model)> knows);

  // An admitted request is over.
  void settled(const v1::SettleRequest& request);
  // One that was not admitted is answered.
  void refused(const v1::ActivityRecord& record);

 private:
  enum Api : std::size_t { kMessages, kChatCompletions, kOtherApi, kApis };
  enum Outcome : std::size_t { kOk, kClientError, kServerError, kCancelled, kBroken, kUnknown, kOutcomes };
  // Kinds of failures, ok, cancelled and other.
  static constexpr std::size_t kKinds = 20;
  // Of usage.
  static constexpr std::size_t kSources = 5;
  enum Class : std::size_t { kInput, kOutput, kCacheRead, kCacheWrite5m, kCacheWrite1h, kClasses };
  // Of a series.
  struct Key {
    std::string_view model;
    std::string_view provider;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      const std::hash<std::string_view> hash;
      return hash(key.model) * 31 + hash(key.provider);
    }
  };
  struct Series {
    // What its key points to.
    std::string model;
    std::string provider;
    // Null until it is needed first.
    std::array<std::array<Counter*, kOutcomes>, kApis> requests{};
    std::array<Counter*, kClasses> tokens{};
    Counter* cost = nullptr;
    Histogram* first_token = nullptr;
    Histogram* duration = nullptr;
  };
  // At a provider: those of each kind, and how many of them another one followed.
  struct Attempts {
    std::string provider;
    std::array<Counter*, kKinds> made{};
    std::array<Counter*, kKinds> followed{};
  };

  static Outcome outcome_of(const v1::ActivityRecord& record);
  static Api api_of(const v1::ActivityRecord& record);
  Series& series_of(std::string_view model, std::string_view provider);
  Attempts& attempts_of(std::string_view provider);
  void count_request(const v1::ActivityRecord& record, Series& series);
  void count_attempts(const v1::ActivityRecord& record);
  void count_refusal(const v1::ActivityRecord& record);
  void add_tokens(Series& series, Class which, std::int64_t count);

  const std::function<bool(std::string_view)> knows_;
  CounterFamily& requests_;
  CounterFamily& tokens_;
  CounterFamily& cost_;
  CounterFamily& attempts_;
  CounterFamily& failovers_;
  CounterFamily& refusals_;
  CounterFamily& settlements_;
  HistogramFamily& first_token_;
  HistogramFamily& duration_;
  std::unordered_map<Key, std::unique_ptr<Series>, KeyHash> series_;
  std::unordered_map<std::string_view, std::unique_ptr<Attempts>> providers_;
  std::array<Counter*, kSources> settled_by_{};
};

// A hold, for as long as it lives.
class CountedHold {
 public:
  explicit CountedHold(std::int64_t nano_usd);
  ~CountedHold();
  CountedHold(const CountedHold&) = delete;
  CountedHold& operator=(const CountedHold&) = delete;

 private:
  const std::int64_t nano_usd_;
};

// Settlements on their way, and streams that are read without their client.
Gauge& pending_settlements();
Gauge& drained_streams();

}  // namespace tollgate::router
