#include "services/provider_adapter/gemini/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "services/provider_adapter/anthropic/failures.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::gemini {
namespace {

using Kind = v1::Failure;
using nlohmann::json;

struct Row {
  std::string_view status;
  // As the Messages API would answer.
  unsigned http_status;
};

constexpr std::array kRows = {
    Row{"INVALID_ARGUMENT", 400},
    Row{"FAILED_PRECONDITION", 400},
    Row{"OUT_OF_RANGE", 400},
    Row{"UNAUTHENTICATED", 401},
    Row{"PERMISSION_DENIED", 403},
    Row{"NOT_FOUND", 404},
    Row{"ABORTED", 409},
    Row{"ALREADY_EXISTS", 409},
    Row{"RESOURCE_EXHAUSTED", 429},
    Row{"CANCELLED", 500},
    Row{"INTERNAL", 500},
    Row{"UNKNOWN", 500},
    Row{"DATA_LOSS", 500},
    Row{"UNIMPLEMENTED", 500},
    Row{"UNAVAILABLE", 529},
    Row{"DEADLINE_EXCEEDED", 504},
};

struct GoogleError {
  unsigned code = 0;
  std::string status;
  std::string message;
  // Of google.rpc.ErrorInfo.
  std::string reason;
  // Of google.rpc.RetryInfo.
  std::uint64_t retry_after_ms = 0;
};

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<GoogleError> read_google(const std::string& body) {
  json parsed = json::parse(body, nullptr, false);
  if (parsed.is_array() && !parsed.empty())
    parsed = json(parsed[0]);
  if (!parsed.is_object() || !parsed.contains("error") || !parsed["error"].is_object())
    return std::nullopt;
  const json& error = parsed["error"];
  GoogleError google;
  google.status = text_of(error, "status");
  google.message = text_of(error, "message");
  if (const auto code = error.find("code"); code != error.end() && code->is_number_unsigned())
    google.code = static_cast<unsigned>(std::min<std::uint64_t>(code->get<std::uint64_t>(), 999));
  const auto details = error.find("details");
  if (details == error.end() || !details->is_array())
    return google;
  for (const json& detail : *details) {
    if (!detail.is_object())
      continue;
    const std::string type = text_of(detail, "@type");
    if (type.ends_with("google.rpc.ErrorInfo"))
      google.reason = text_of(detail, "reason");
    if (type.ends_with("google.rpc.RetryInfo"))
      google.retry_after_ms = duration_ms(text_of(detail, "retryDelay"));
  }
  return google;
}

bool contains(std::string_view text, std::string_view lower) {
  const auto found = std::search(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
  return found != text.end();
}

unsigned api_status(unsigned status, std::string_view google) {
  for (const Row& row : kRows) {
    if (row.status == google)
      return row.http_status;
  }
  return status == 499 ? 500 : status == 503 ? 529 : status;
}

// "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)." as Anthropic says it, which
// Claude Code knows and makes room upon.
std::optional<std::string> too_long(std::string_view message) {
  if (!contains(message, "token count") || !contains(message, "exceeds the maximum"))
    return std::nullopt;
  std::vector<std::string> numbers;
  std::string digits;
  for (const char c : message) {
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (!digits.empty()) {
      numbers.push_back(std::exchange(digits, std::string()));
    }
  }
  if (!digits.empty())
    numbers.push_back(digits);
  if (numbers.size() < 2)
    return "prompt is too long";
  return fmt::format("prompt is too long: {} tokens > {} maximum", numbers.front(), numbers.back());
}

std::string api_error(unsigned status, std::string_view message) {
  return json{{"type", "error"},
              {"error", {{"type", std::string(error_type_of(status))}, {"message", std::string(message)}}}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

// Ours to say, since it is no matter of the client's.
v1::Failure refused(std::string_view upstream, Door door, unsigned status, const GoogleError& google) {
  const std::string way_out =
      door == Door::kStudio
          ? fmt::format("upstreams.{}.api_key, and that the model is there for its project", upstream)
          : fmt::format(
                "that upstreams.{}.credentials_file may use Vertex AI in upstreams.{}.project, and that the "
                "model is served in upstreams.{}.region",
                upstream, upstream, upstream);
  return upstream_failure(
      Kind::KIND_UPSTREAM_AUTH, upstream,
      fmt::format("Upstream {} refused the gateway ({} {}). The operator of the gateway has to "
                  "check {}.",
                  upstream, status, google.reason.empty() ? google.status : google.reason, way_out));
}

v1::Failure failure_of(std::string_view upstream, Door door, unsigned status, const boost::beast::http::fields& headers,
                       const GoogleError& google, std::chrono::system_clock::time_point now) {
  const unsigned meant = api_status(status, google.status);
  v1::Failure failure;
  // An API key that is none is an INVALID_ARGUMENT at AI Studio.
  const bool bad_key = google.reason.starts_with("API_KEY_") || contains(google.message, "api key not valid") ||
                       contains(google.message, "api key expired");
  if (bad_key || meant == 401 || meant == 403 || meant == 404) {
    failure = refused(upstream, door, status, google);
  } else if (const auto text = too_long(google.message)) {
    failure = anthropic::failure_of_response(upstream, 400, headers, api_error(400, *text), true, now);
  } else {
    failure = anthropic::failure_of_response(upstream, meant, headers, api_error(meant, google.message), true, now);
    // Of this upstream and not of the request: "User location is not supported for the API use."
    if (google.status == "FAILED_PRECONDITION" && failure.kind() == Kind::KIND_INVALID_REQUEST)
      failure.set_kind(Kind::KIND_UNSUPPORTED);
  }
  if (google.retry_after_ms > 0)
    failure.set_retry_after_ms(google.retry_after_ms);
  return failure;
}

}  // namespace

std::uint64_t duration_ms(std::string_view text) {
  constexpr double kMaxSeconds = 24.0 * 3600;
  if (!text.ends_with('s'))
    return 0;
  text.remove_suffix(1);
  double seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc() || end != text.data() + text.size() || !(seconds > 0))
    return 0;
  return static_cast<std::uint64_t>(std::ceil(std::min(seconds, kMaxSeconds) * 1000));
}

v1::Failure failure_of_response(std::string_view upstream, Door door, unsigned status,
                                const boost::beast::http::fields& headers, std::string body, bool complete,
                                std::chrono::system_clock::time_point now) {
  const std::optional<GoogleError> google = complete && status >= 400 ? read_google(body) : std::nullopt;
  if (google)
    return failure_of(upstream, door, status, headers, *google, now);
  return anthropic::failure_of_response(upstream, api_status(status, ""), headers, std::move(body), complete, now);
}

v1::Failure failure_of_error(std::string_view upstream, Door door, std::string json) {
  const std::optional<GoogleError> google = read_google(json);
  if (!google || (google->code < 400 && google->status.empty()))
    return bad_response(upstream, fmt::format("Upstream {} reported an error of no stated kind.", upstream));
  return failure_of(upstream, door, google->code < 400 ? 500 : google->code, {}, *google, {});
}

bool refuses_signature(const v1::Failure& failure) {
  return failure.kind() == Kind::KIND_INVALID_REQUEST &&
         (contains(failure.message(), "thought signature") || contains(failure.message(), "thought_signature") ||
          contains(failure.message(), "thoughtsignature"));
}

}  // namespace tollgate::gemini
