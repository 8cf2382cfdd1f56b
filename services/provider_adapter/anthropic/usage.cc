#include "services/provider_adapter/anthropic/usage.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace tollgate::anthropic {

namespace ondemand = simdjson::ondemand;

namespace {

// A count above is no count. It keeps sums and prices far from the end of int64.
constexpr std::int64_t kMaxCount = 1'000'000'000'000;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxModel = 256;
// The parser's memory grows with its documents: larger ones get a parser of their own.
constexpr std::size_t kKeptParserLimit = 1 << 20;

// Calls use(document's object); false when `json` is not an object, or `use` says so.
template <class Use>
bool with_object(std::string_view json, Use use) {
  thread_local ondemand::parser kept;
  ondemand::parser own;
  ondemand::parser& parser = json.size() > kKeptParserLimit ? own : kept;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  ondemand::object object;
  return !parser.iterate(padded).get(document) && !document.get_object().get(object) && use(object);
}

// Calls use(key, value) for each member; false when the object is broken.
template <class Use>
bool each_member(ondemand::object object, Use use) {
  for (auto member : object) {
    std::string_view key;
    ondemand::value value;
    if (member.unescaped_key().get(key) || member.value().get(value))
      return false;
    use(key, value);
  }
  return true;
}

void take_count(ondemand::value value, std::int64_t& count) {
  std::int64_t number = 0;
  if (!value.get_int64().get(number) && number >= 0 && number <= kMaxCount)
    count = number;
}

void take_string(ondemand::value value, std::string& text, std::size_t limit = std::string::npos) {
  std::string_view string;
  if (!value.get_string().get(string))
    text = string.substr(0, limit);
}

bool read_error_members(ondemand::value value, ApiError& error) {
  ondemand::object object;
  if (value.get_object().get(object))
    return false;
  return each_member(object, [&error](std::string_view key, ondemand::value member) {
    if (key == "type") {
      take_string(member, error.type);
    } else if (key == "message") {
      take_string(member, error.message);
    }
  });
}

}  // namespace

struct UsageReader {
  using Tokens = UsageTracker::Tokens;

  static bool read(ondemand::value value, bool final, UsageTracker& tracker) {
    UsageTracker::Counts& counts = tracker.counts_;
    ondemand::object object;
    if (value.get_object().get(object))
      return true;  // null, or nothing we know: no usage.
    counts.final = final;
    return each_member(object, [&counts](std::string_view key, ondemand::value member) {
      if (read_tokens(key, member, counts.tokens))
        return;
      if (key == "server_tool_use") {
        read_pair(member, "web_search_requests", counts.web_search, "web_fetch_requests", counts.web_fetch);
      } else if (key == "service_tier") {
        take_string(member, counts.service_tier, kMaxName);
      } else if (key == "speed") {
        take_string(member, counts.speed, kMaxName);
      } else if (key == "inference_geo") {
        take_string(member, counts.inference_geo, kMaxName);
      } else if (key == "iterations") {
        read_iterations(member, counts.iterations);
      }
    });
  }

  static void read_stop_reason(ondemand::value value, UsageTracker& tracker) {
    take_string(value, tracker.stop_reason_, kMaxName);
  }

  // The `delta` of a message_delta. False when it is broken.
  static bool read_delta(ondemand::value value, UsageTracker& tracker) {
    ondemand::object object;
    if (value.get_object().get(object))
      return true;
    return each_member(object, [&tracker](std::string_view key, ondemand::value member) {
      if (key == "stop_reason")
        read_stop_reason(member, tracker);
    });
  }

  // True when `key` is a count of tokens.
  static bool read_tokens(std::string_view key, ondemand::value value, Tokens& tokens) {
    if (key == "input_tokens") {
      take_count(value, tokens.input);
    } else if (key == "output_tokens") {
      take_count(value, tokens.output);
    } else if (key == "cache_read_input_tokens") {
      take_count(value, tokens.cache_read);
    } else if (key == "cache_creation_input_tokens") {
      take_count(value, tokens.cache_write);
    } else if (key == "cache_creation") {
      read_pair(value, "ephemeral_5m_input_tokens", tokens.cache_write_5m, "ephemeral_1h_input_tokens",
                tokens.cache_write_1h);
    } else {
      return false;
    }
    return true;
  }

  // Replaces `iterations` by what `value` lists, if it is a list.
  static void read_iterations(ondemand::value value, UsageTracker::Iterations& iterations) {
    ondemand::array array;
    if (value.get_array().get(array))
      return;
    UsageTracker::Iterations found;
    for (auto element : array) {
      ondemand::value item;
      ondemand::object object;
      if (element.get(item))
        return;
      if (!item.get_object().get(object))
        read_iteration(object, found);
    }
    iterations = std::move(found);
  }

  static void read_iteration(ondemand::object object, UsageTracker::Iterations& iterations) {
    std::string type;
    std::string model;
    Tokens tokens;
    each_member(object, [&](std::string_view key, ondemand::value member) {
      if (key == "type") {
        take_string(member, type, kMaxName);
      } else if (key == "model") {
        take_string(member, model, kMaxModel);
      } else {
        read_tokens(key, member, tokens);
      }
    });
    if (type == "advisor_message") {
      iterations.advisors.emplace_back(std::move(model), tokens);
      return;
    }
    iterations.fallback |= type == "fallback_message";
    iterations.own.add(tokens);
    if (type == "compaction")
      iterations.compaction.add(tokens);
  }

  static void read_pair(ondemand::value value, std::string_view first, std::int64_t& first_count,
                        std::string_view second, std::int64_t& second_count) {
    ondemand::object object;
    if (value.get_object().get(object))
      return;
    each_member(object, [&](std::string_view key, ondemand::value member) {
      if (key == first) {
        take_count(member, first_count);
      } else if (key == second) {
        take_count(member, second_count);
      }
    });
  }
};

bool UsageTracker::read_message_start(std::string_view json) {
  return with_object(json, [this](ondemand::object event) {
    bool ok = true;
    const bool whole = each_member(event, [&](std::string_view key, ondemand::value value) {
      ondemand::object message;
      if (key != "message" || value.get_object().get(message))
        return;
      ok = each_member(message,
                       [&](std::string_view name, ondemand::value member) {
                         if (name == "usage")
                           ok = UsageReader::read(member, false, *this) && ok;
                       }) &&
           ok;
    });
    return whole && ok;
  });
}

bool UsageTracker::read_message_delta(std::string_view json) {
  return with_object(json, [this](ondemand::object event) {
    bool ok = true;
    const bool whole = each_member(event, [&](std::string_view key, ondemand::value value) {
      if (key == "usage")
        ok = UsageReader::read(value, true, *this) && ok;
      else if (key == "delta")
        ok = UsageReader::read_delta(value, *this) && ok;
    });
    return whole && ok;
  });
}

bool UsageTracker::take_change() {
  if (counts_ == taken_)
    return false;
  taken_ = counts_;
  return true;
}

void UsageTracker::Tokens::add(const Tokens& other) {
  // The split is settled before it is added up: a sum has no writes of an unstated life.
  cache_write_5m += other.write_5m();
  cache_write_1h += other.cache_write_1h;
  cache_write = cache_write_5m + cache_write_1h;
  input += other.input;
  output += other.output;
  cache_read += other.cache_read;
}

v1::Usage UsageTracker::usage() const {
  const Tokens& sums = counts_.tokens;
  const Iterations& iterations = counts_.iterations;
  v1::Usage usage;
  usage.set_input_tokens(sums.input + iterations.compaction.input);
  usage.set_output_tokens(sums.output + iterations.compaction.output);
  usage.set_cache_read_tokens(sums.cache_read);
  usage.set_cache_write_5m_tokens(sums.write_5m());
  usage.set_cache_write_1h_tokens(sums.cache_write_1h);
  // The API does not say whether its sums of cached tokens leave compactions out, too: the list of all inferences is
  // believed when it has more. A fallback's list has the inferences of another model besides.
  if (iterations.compaction != Tokens() && !iterations.fallback) {
    const Tokens& own = iterations.own;
    usage.set_cache_read_tokens(std::max(usage.cache_read_tokens(), own.cache_read));
    if (own.cache_write > usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens()) {
      usage.set_cache_write_5m_tokens(own.cache_write_5m);
      usage.set_cache_write_1h_tokens(own.cache_write_1h);
    }
  }
  for (const auto& [model, tokens] : iterations.advisors) {
    v1::OtherModelUsage& part = *usage.add_other_models();
    part.set_model(model);
    part.set_input_tokens(tokens.input);
    part.set_output_tokens(tokens.output);
    part.set_cache_read_tokens(tokens.cache_read);
    part.set_cache_write_5m_tokens(tokens.write_5m());
    part.set_cache_write_1h_tokens(tokens.cache_write_1h);
  }
  usage.set_final(counts_.final);
  usage.set_web_search_requests(counts_.web_search);
  usage.set_web_fetch_requests(counts_.web_fetch);
  usage.set_service_tier(counts_.service_tier);
  usage.set_speed(counts_.speed);
  usage.set_inference_geo(counts_.inference_geo);
  usage.set_stop_reason(stop_reason_);
  return usage;
}

std::optional<ApiError> read_error(std::string_view json) {
  ApiError error;
  bool typed = false;
  bool found = false;
  const bool whole = with_object(json, [&](ondemand::object object) {
    return each_member(object, [&](std::string_view key, ondemand::value value) {
      std::string type;
      if (key == "type") {
        take_string(value, type);
        typed = type == "error";
      } else if (key == "error") {
        found = read_error_members(value, error);
      }
    });
  });
  if (!whole || !found)
    return std::nullopt;
  error.of_api = typed && !error.type.empty();
  return error;
}

bool read_message(std::string_view json, UsageTracker& usage, std::optional<ApiError>& error) {
  bool ok = true;
  ApiError found;
  bool typed = false;
  const bool whole = with_object(json, [&](ondemand::object object) {
    return each_member(object, [&](std::string_view key, ondemand::value value) {
      std::string type;
      if (key == "usage") {
        ok = UsageReader::read(value, true, usage);
      } else if (key == "stop_reason") {
        UsageReader::read_stop_reason(value, usage);
      } else if (key == "type") {
        take_string(value, type);
        typed = type == "error";
      } else if (key == "error") {
        read_error_members(value, found);
      }
    });
  });
  if (typed) {
    found.of_api = !found.type.empty();
    error = std::move(found);
  }
  return whole && ok;
}

}  // namespace tollgate::anthropic
