#include "services/provider_adapter/anthropic/failures.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::anthropic {
namespace {

using Kind = v1::Failure;
namespace http = boost::beast::http;

// Whose business the text of an error is.
enum class Text {
  // The client gets the upstream's bytes.
  kUntouched,
  // It speaks of credentials that are ours: the client gets a 502 of our own.
  kHidden,
};

struct Row {
  unsigned status;
  std::string_view type;
  FailureKind kind;
  Text text;
};

// A status that is not here: a 4xx is an invalid request, everything else makes the upstream unavailable. Of two rows
// with one type the first counts.
constexpr std::array kRows = {
    Row{400, "invalid_request_error", Kind::KIND_INVALID_REQUEST, Text::kUntouched},
    Row{401, "authentication_error", Kind::KIND_UPSTREAM_AUTH, Text::kHidden},
    Row{402, "billing_error", Kind::KIND_UPSTREAM_AUTH, Text::kHidden},
    Row{403, "permission_error", Kind::KIND_UPSTREAM_AUTH, Text::kHidden},
    Row{404, "not_found_error", Kind::KIND_NOT_FOUND, Text::kUntouched},
    Row{504, "timeout_error", Kind::KIND_TIMEOUT, Text::kUntouched},
    Row{408, "timeout_error", Kind::KIND_TIMEOUT, Text::kUntouched},
    Row{409, "conflict_error", Kind::KIND_UNAVAILABLE, Text::kUntouched},
    Row{413, "request_too_large", Kind::KIND_TOO_LARGE, Text::kUntouched},
    Row{422, "invalid_request_error", Kind::KIND_INVALID_REQUEST, Text::kUntouched},
    Row{429, "rate_limit_error", Kind::KIND_RATE_LIMITED, Text::kUntouched},
    Row{500, "api_error", Kind::KIND_UNAVAILABLE, Text::kUntouched},
    Row{529, "overloaded_error", Kind::KIND_OVERLOADED, Text::kUntouched},
};

// What the message of an invalid request says when something else than the request is at fault.
struct Phrase {
  std::string_view text;
  FailureKind kind;
};
constexpr std::array kPhrases = {
    Phrase{"prompt is too long", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"exceed context limit", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"context window", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"context length", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"context_length_exceeded", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"credit balance is too low", Kind::KIND_UPSTREAM_AUTH},
};

Row row_of_status(unsigned status) {
  for (const Row& row : kRows) {
    if (row.status == status)
      return row;
  }
  const bool client = status >= 400 && status < 500;
  return {status, error_type_of(status), client ? Kind::KIND_INVALID_REQUEST : Kind::KIND_UNAVAILABLE,
          Text::kUntouched};
}

Row row_of_type(std::string_view type) {
  for (const Row& row : kRows) {
    if (row.type == type)
      return row;
  }
  return {500, "api_error", Kind::KIND_UNAVAILABLE, Text::kUntouched};
}

FailureKind kind_of(const Row& row, std::string message) {
  if (row.kind != Kind::KIND_INVALID_REQUEST)
    return row.kind;
  std::transform(message.begin(), message.end(), message.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const Phrase& phrase : kPhrases) {
    if (message.find(phrase.text) != message.npos)
      return phrase.kind;
  }
  return row.kind;
}

// The upstream's bytes are the answer.
v1::Failure untouched(std::string_view upstream, const Row& row, const ApiError& error, std::string body) {
  v1::Failure failure;
  failure.set_kind(kind_of(row, error.message));
  failure.set_http_status(row.status);
  failure.set_error_type(error.type);
  failure.set_message(error.message);
  failure.set_upstream(std::string(upstream));
  failure.set_body(std::move(body));
  return failure;
}

v1::Failure credentials_failure(std::string_view upstream, unsigned status, std::string_view type) {
  return upstream_failure(Kind::KIND_UPSTREAM_AUTH, upstream,
                          fmt::format("Upstream {} refused the gateway's credentials or account ({} {}). The operator "
                                      "of the gateway has to check upstreams.{}.api_key and its account.",
                                      upstream, status, type, upstream));
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMax = 500;
  return std::string(text.substr(0, kMax));
}

}  // namespace

std::uint64_t retry_after_ms(const http::fields& headers, std::chrono::system_clock::time_point now) {
  static constexpr double kMaxMs = 24.0 * 3600 * 1000;
  const auto number = [](std::string_view text, double& value) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    return ec == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  };
  const auto clamp = [](double ms) { return static_cast<std::uint64_t>(std::clamp(std::ceil(ms), 0.0, kMaxMs)); };
  double value = 0;
  const std::string ms(headers["retry-after-ms"]);
  if (number(ms, value))
    return clamp(value);
  const std::string after(headers["retry-after"]);
  if (number(after, value))
    return clamp(value * 1000);
  std::tm date{};
  std::istringstream stream(after);
  stream.imbue(std::locale::classic());
  if (!(stream >> std::get_time(&date, "%a, %d %b %Y %H:%M:%S")))
    return 0;
  const auto until = std::chrono::system_clock::from_time_t(timegm(&date));
  return clamp(std::chrono::duration<double, std::milli>(until - now).count());
}

v1::Failure failure_of_response(std::string_view upstream, unsigned status, const http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now) {
  const std::string content_type(headers[http::field::content_type]);
  const Row row = row_of_status(status);
  if (status < 400) {
    const std::string location(headers[http::field::location]);
    return bad_response(
        upstream, location.empty()
                      ? fmt::format("Upstream {} answered with the unexpected status {}.", upstream, status)
                      : fmt::format("Upstream {} answered {} with a redirect to {}. Redirects are not followed: set "
                                    "upstreams.{}.url to the final address.",
                                    upstream, status, excerpt(location), upstream));
  }
  const std::optional<ApiError> error = complete ? read_error(body) : std::nullopt;
  v1::Failure failure;
  if (row.text == Text::kHidden) {
    failure = credentials_failure(upstream, status, row.type);
  } else if (error && error->of_api) {
    failure = untouched(upstream, row, *error, std::move(body));
  } else {
    const std::string said = error && !error->message.empty() ? excerpt(error->message) : std::string();
    failure = upstream_failure(
        kind_of(row, said), upstream,
        said.empty() ? fmt::format("Upstream {} answered {} with {} instead of an error of the API.", upstream, status,
                                   content_type.empty() ? "a body of no stated type" : excerpt(content_type))
                     : fmt::format("Upstream {} answered {}: {}", upstream, status, said));
    failure.set_http_status(status);
    failure.set_error_type(std::string(row.type));
  }
  failure.set_retry_after_ms(retry_after_ms(headers, now));
  google::protobuf::RepeatedPtrField<v1::Header> passed;
  copy_response_headers(headers, passed);
  for (v1::Header& header : passed) {
    // Whoever writes the answer states its type. Advice about a request with our credentials is none for the client's.
    const bool of_body = boost::beast::iequals(header.name(), "content-type");
    const bool advice = row.text == Text::kHidden && boost::beast::iequals(header.name(), "x-should-retry");
    if (!of_body && !advice)
      *failure.add_headers() = std::move(header);
  }
  return failure;
}

v1::Failure failure_of_error(std::string_view upstream, const ApiError& error, std::string json) {
  const Row row = row_of_type(error.type);
  if (row.text == Text::kHidden)
    return credentials_failure(upstream, row.status, row.type);
  if (!error.of_api)
    return bad_response(upstream, fmt::format("Upstream {} reported an error of no stated type.", upstream));
  return untouched(upstream, row, error, std::move(json));
}

}  // namespace tollgate::anthropic
