#include "services/router/request_scan.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <string_view>

#include "services/common/base/errors.h"

namespace tollgate::router {
namespace {

namespace ondemand = simdjson::ondemand;

// Members of the body that are the router's own: no upstream knows them.
constexpr std::array<std::string_view, 8> kOwnMembers = {"provider", "models", "fallbacks",  "session_id",
                                                         "plugins",  "route",  "transforms", "trace"};
// Members that decide what is sent where and what it costs. A second one would let an upstream read another value
// than the one that was billed.
constexpr std::array<std::string_view, 12> kActedOn = {
    "model", "max_tokens", "stream",      "provider",          "models",        "fallbacks", "session_id",
    "speed", "tools",      "mcp_servers", "anthropic_version", "anthropic_beta"};
// Of these, what dialects move out of the body.
constexpr std::array<std::string_view, 4> kMoved = {"model", "stream", "anthropic_version", "anthropic_beta"};
// Every upstream takes these.
constexpr std::array<std::string_view, 7> kBasic = {"model",  "messages",          "system",        "max_tokens",
                                                    "stream", "anthropic_version", "anthropic_beta"};
constexpr std::size_t kMaxParameters = 64;
constexpr std::size_t kMaxModels = 16;
constexpr std::size_t kMaxFallbacks = 3;
constexpr std::size_t kMaxModelsBytes = 64 * 1024;
constexpr std::size_t kMaxSessionBytes = 256;

absl::Status bad(std::string message) {
  return error(v1::Failure::KIND_INVALID_REQUEST, std::move(message));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

// The value's bytes as they stand in the body. Passes over arrays and objects.
simdjson::error_code raw_of(ondemand::value& value, ondemand::json_type type, std::string_view& raw) {
  simdjson::error_code error = simdjson::SUCCESS;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    error = value.get_object().get(object);
    if (!error)
      error = object.raw_json().get(raw);
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    error = value.get_array().get(array);
    if (!error)
      error = array.raw_json().get(raw);
  } else {
    raw = value.raw_json_token();
    // Read, too: a string that is only passed over may be followed by a colon, as if it were a key.
    ondemand::raw_json_string text;
    if (type == ondemand::json_type::string)
      error = value.get_raw_json_string().get(text);
  }
  raw = trimmed(raw);
  return error;
}

// Small members are read apart, from their own bytes: the scan over the body goes on undisturbed.
class Detail {
 public:
  explicit Detail(std::string_view raw) : json_(raw) {}

  simdjson::error_code parse(ondemand::value& out) {
    simdjson::error_code error = parser_.iterate(json_).get(document_);
    return error ? error : document_.get_value().get(out);
  }

 private:
  simdjson::padded_string json_;
  ondemand::parser parser_;
  ondemand::document document_;
};

absl::Status read_models(std::string_view raw, std::vector<std::string>& out) {
  const auto wrong = [] { return bad(fmt::format("models: expected an array of at most {} strings", kMaxModels)); };
  if (raw.size() > kMaxModelsBytes)
    return wrong();
  Detail detail(raw);
  ondemand::value value;
  ondemand::array array;
  if (detail.parse(value) || value.get_array().get(array))
    return wrong();
  for (auto element : array) {
    std::string_view text;
    if (element.get_string().get(text) || out.size() == kMaxModels)
      return wrong();
    out.emplace_back(text);
  }
  return absl::OkStatus();
}

absl::Status read_fallbacks(std::string_view raw, std::vector<std::string>& out) {
  const auto wrong = [] {
    return bad(fmt::format("fallbacks: expected an array of at most {} objects, each with the one member \"model\"",
                           kMaxFallbacks));
  };
  if (raw.size() > kMaxModelsBytes)
    return wrong();
  Detail detail(raw);
  ondemand::value value;
  ondemand::array array;
  if (detail.parse(value) || value.get_array().get(array))
    return wrong();
  for (auto element : array) {
    ondemand::object object;
    if (element.get_object().get(object) || out.size() == kMaxFallbacks)
      return wrong();
    const std::size_t before = out.size();
    for (auto field : object) {
      std::string_view key;
      std::string_view model;
      if (field.unescaped_key().get(key) || key != "model" || field.value().get_string().get(model) ||
          out.size() != before)
        return wrong();
      out.emplace_back(model);
    }
    if (out.size() == before)
      return wrong();
  }
  return absl::OkStatus();
}

template <std::size_t N>
int index_in(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name)
      return static_cast<int>(i);
  }
  return -1;
}

// Builds the spans that cut members out together with one comma each.
class Cutter {
 public:
  explicit Cutter(std::vector<Span>& out) : out_(out) {}

  void member(std::size_t key, std::size_t value_end, bool cut) {
    if (open_)
      out_.back().length = key - out_.back().offset;
    open_ = false;
    if (cut && kept_) {
      out_.push_back({previous_end_, value_end - previous_end_});
    } else if (cut) {
      // Nothing stays before it: its comma is the one behind it, known when the next member is.
      out_.push_back({key, value_end - key});
      open_ = true;
    }
    kept_ = kept_ || !cut;
    previous_end_ = value_end;
  }

 private:
  std::vector<Span>& out_;
  bool kept_ = false;
  bool open_ = false;
  std::size_t previous_end_ = 0;
};

// What only tells conversations apart.
void note_place(std::string_view name, Span span, RequestScan& scan) {
  if (name == "metadata")
    scan.metadata = span;
  else if (name == "system")
    scan.system = span;
  else if (name == "messages")
    scan.messages = span;
}

absl::Status act_on(std::string_view name, ondemand::value& value, ondemand::json_type type, std::string_view raw,
                    std::size_t offset, std::vector<std::string>& fallbacks, RequestScan& scan) {
  const bool null = type == ondemand::json_type::null;
  if (name == "model") {
    std::string_view text;
    if (value.get_string().get(text) || text.empty())
      return bad("model: expected the name of a model");
    scan.model = std::string(text);
    scan.model_value = {offset, raw.size()};
  } else if (name == "max_tokens") {
    std::int64_t number = 0;
    if (type == ondemand::json_type::number && !value.get_int64().get(number) && number >= 0)
      scan.max_tokens = number;
  } else if (name == "stream" && !null) {
    if (value.get_bool().get(scan.stream))
      return bad("stream: expected true or false");
  } else if (name == "speed" && !null) {
    std::string_view text;
    if (value.get_string().get(text))
      return bad("speed: expected a string");
    scan.speed = std::string(text);
  } else if (name == "tools") {
    scan.tools = {offset, raw.size()};
  } else if (name == "mcp_servers") {
    scan.mcp_servers = !null;
  } else if (name == "models" && !null) {
    return read_models(raw, scan.models);
  } else if (name == "fallbacks" && !null) {
    return read_fallbacks(raw, fallbacks);
  } else if (name == "session_id" && !null) {
    std::string_view text;
    if (value.get_string().get(text) || text.size() > kMaxSessionBytes)
      return bad(fmt::format("session_id: expected a string of at most {} bytes", kMaxSessionBytes));
    scan.session_id = std::string(text);
  } else if (name == "provider" && !null) {
    absl::StatusOr<ProviderPreferences> preferences = parse_preferences(raw, "provider");
    if (!preferences.ok())
      return preferences.status();
    scan.provider = *std::move(preferences);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RequestScan> scan_request(std::string& body) {
  // Some versions of simdjson pass over it, upstreams may not (RFC 8259, 8.1).
  if (body.starts_with("\xef\xbb\xbf"))
    return bad("The request body is not valid JSON: it begins with a byte order mark.");
  if (body.capacity() - body.size() < simdjson::SIMDJSON_PADDING)
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  thread_local ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  simdjson::error_code failed = parser.iterate(body.data(), body.size(), body.capacity()).get(document);
  if (!failed)
    failed = document.get_object().get(object);
  if (failed)
    return bad(fmt::format("The request body is not a JSON object: {}", simdjson::error_message(failed)));

  RequestScan scan;
  std::vector<std::string> fallbacks;
  Cutter cutter(scan.removed);
  std::array<bool, kActedOn.size()> seen{};
  const auto broken = [](simdjson::error_code code) {
    return bad(fmt::format("The request body is not valid JSON: {}", simdjson::error_message(code)));
  };
  for (auto result : object) {
    ondemand::field field;
    if ((failed = std::move(result).get(field)))
      return broken(failed);
    const auto key = static_cast<std::size_t>(field.key().raw() - 1 - body.data());
    std::string_view name;
    if ((failed = field.unescaped_key().get(name)))
      return broken(failed);
    const int acted = index_in(kActedOn, name);
    const bool own = index_in(kOwnMembers, name) >= 0;
    ondemand::value value = field.value();
    ondemand::json_type type;
    if ((failed = value.type().get(type)))
      return broken(failed);
    std::string_view raw;
    if ((failed = raw_of(value, type, raw)))
      return broken(failed);
    const auto offset = static_cast<std::size_t>(raw.data() - body.data());
    cutter.member(key, offset + raw.size(), own);
    note_place(name, {offset, raw.size()}, scan);
    if (!own && type != ondemand::json_type::null && index_in(kBasic, name) < 0 &&
        scan.parameters.size() < kMaxParameters)
      scan.parameters.emplace_back(name);
    if (acted < 0)
      continue;
    if (std::exchange(seen[static_cast<std::size_t>(acted)], true))
      return bad(fmt::format("{}: this member stands twice in the request", kActedOn[static_cast<std::size_t>(acted)]));
    if (index_in(kMoved, name) >= 0) {
      v1::Member& member = scan.members.emplace_back();
      member.set_name(std::string(name));
      member.set_begin(key);
      member.set_end(offset + raw.size());
    }
    absl::Status status = act_on(kActedOn[static_cast<std::size_t>(acted)], value, type, raw, offset, fallbacks, scan);
    if (!status.ok())
      return status;
  }
  if (scan.model.empty())
    return bad("model: this member is required");
  if (!scan.models.empty() && !fallbacks.empty())
    return bad("fallbacks: this member and models do not go together");
  if (!fallbacks.empty())
    scan.models = std::move(fallbacks);
  return scan;
}

}  // namespace tollgate::router
