#include "services/provider_adapter/bedrock/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <nlohmann/json.hpp>

#include "services/provider_adapter/anthropic/failures.h"
#include "services/provider_adapter/anthropic/headers.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::bedrock {
namespace {

using Kind = v1::Failure;
namespace http = boost::beast::http;

struct Row {
  std::string_view exception;
  unsigned status;
  FailureKind kind;
};

// Of two rows with one status the first counts.
constexpr std::array kRows = {
    Row{"ValidationException", 400, Kind::KIND_INVALID_REQUEST},
    Row{"AccessDeniedException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"UnrecognizedClientException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"InvalidSignatureException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"IncompleteSignatureException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"MissingAuthenticationTokenException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"ExpiredTokenException", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"RequestExpired", 403, Kind::KIND_UPSTREAM_AUTH},
    Row{"UnauthorizedException", 401, Kind::KIND_UPSTREAM_AUTH},
    Row{"ResourceNotFoundException", 404, Kind::KIND_NOT_FOUND},
    Row{"ModelTimeoutException", 408, Kind::KIND_TIMEOUT},
    Row{"ModelErrorException", 424, Kind::KIND_UNAVAILABLE},
    Row{"ModelStreamErrorException", 424, Kind::KIND_UNAVAILABLE},
    Row{"ThrottlingException", 429, Kind::KIND_RATE_LIMITED},
    Row{"ModelNotReadyException", 429, Kind::KIND_OVERLOADED},
    Row{"ServiceQuotaExceededException", 400, Kind::KIND_RATE_LIMITED},
    Row{"InternalServerException", 500, Kind::KIND_UNAVAILABLE},
    Row{"ServiceUnavailableException", 503, Kind::KIND_OVERLOADED},
};

// What the message of a ValidationException says when something else than the request is at fault.
struct Phrase {
  std::string_view text;
  FailureKind kind;
};
constexpr std::array kPhrases = {
    Phrase{"input is too long", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"prompt is too long", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"exceed context limit", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"context window", Kind::KIND_CONTEXT_LENGTH},
    Phrase{"context length", Kind::KIND_CONTEXT_LENGTH},
    // The catalog names a model that is to be had through an inference profile only, or not at all.
    Phrase{"on-demand throughput", Kind::KIND_UNAVAILABLE},
    Phrase{"model identifier is invalid", Kind::KIND_UNAVAILABLE},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

FailureKind kind_of_status(unsigned status) {
  for (const Row& row : kRows) {
    if (row.status == status)
      return row.kind;
  }
  return status >= 400 && status < 500 ? Kind::KIND_INVALID_REQUEST : Kind::KIND_UNAVAILABLE;
}

FailureKind kind_of(std::string_view exception, unsigned status, std::string_view message) {
  FailureKind kind = kind_of_status(status);
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [exception](const Row& other) { return other.exception == exception; });
  if (row != kRows.end()) {
    kind = row->kind;
  } else if (!exception.empty() && status == 0) {
    kind = Kind::KIND_UNAVAILABLE;
  }
  if (kind != Kind::KIND_INVALID_REQUEST)
    return kind;
  const std::string text = lower(message);
  for (const Phrase& phrase : kPhrases) {
    if (text.find(phrase.text) != text.npos)
      return phrase.kind;
  }
  return kind;
}

// {"message": ...}, which some services of AWS spell with a capital.
std::string message_of(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object()) {
    for (const char* name : {"message", "Message"}) {
      if (json.contains(name) && json[name].is_string())
        return json[name].get<std::string>();
    }
  }
  return {};
}

std::string header_of(const http::fields& headers, std::string_view name) {
  return std::string(headers[boost::beast::string_view(name.data(), name.size())]);
}

}  // namespace

std::string exception_name(std::string_view text) {
  // ThrottlingException:http://internal.amazon.com/..., com.amazon.coral.service#ThrottlingException
  text = text.substr(0, text.find(':'));
  const std::size_t hash = text.rfind('#');
  if (hash != text.npos)
    text.remove_prefix(hash + 1);
  std::string name(text);
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z')
    name[0] = static_cast<char>(name[0] - 'a' + 'A');
  if (name == "ExpiredToken")
    name = "ExpiredTokenException";
  return name;
}

v1::Failure failure_of_exception(std::string_view upstream, std::string_view exception, unsigned status,
                                 std::string_view message) {
  const std::string name = exception_name(exception);
  const FailureKind kind = kind_of(name, status, message);
  const std::string what = name.empty() ? fmt::format("{}", status) : name;
  if (kind == Kind::KIND_UPSTREAM_AUTH) {
    // The text names the gateway's account and role.
    return upstream_failure(kind, upstream,
                            fmt::format("Upstream {} refused the gateway's credentials for AWS ({}). The operator of "
                                        "the gateway has to check upstreams.{}.credentials, or what its role may do.",
                                        upstream, what, upstream));
  }
  // Of the request, the model's own words: clients look for some of them.
  if (kind == Kind::KIND_INVALID_REQUEST || kind == Kind::KIND_CONTEXT_LENGTH)
    return upstream_failure(
        kind, upstream,
        message.empty() ? fmt::format("Upstream {} answered {}.", upstream, what) : std::string(message));
  std::string text =
      fmt::format("Upstream {} answered {}: {}", upstream, what, message.empty() ? "no reason given" : message);
  if (kind == Kind::KIND_UNAVAILABLE)
    return bad_response(upstream, std::move(text));
  return upstream_failure(kind, upstream, std::move(text));
}

v1::Failure failure_of_response(std::string_view upstream, unsigned status, const http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now) {
  const std::string exception = header_of(headers, "x-amzn-errortype");
  const std::string message = complete ? message_of(body) : std::string();
  if (status < 400 || (exception.empty() && message.empty()))
    return anthropic::failure_of_response(upstream, status, headers, std::move(body), complete, now);
  v1::Failure failure = failure_of_exception(upstream, exception, status, message);
  failure.set_retry_after_ms(anthropic::retry_after_ms(headers, now));
  google::protobuf::RepeatedPtrField<v1::Header> passed;
  anthropic::copy_response_headers(headers, passed);
  for (v1::Header& header : passed) {
    if (!boost::beast::iequals(header.name(), "content-type"))
      *failure.add_headers() = std::move(header);
  }
  return failure;
}

bool refuses_credentials(unsigned status, const http::fields& headers) {
  if (status != 401 && status != 403)
    return false;
  const std::string name = exception_name(header_of(headers, "x-amzn-errortype"));
  return name == "ExpiredTokenException" || name == "UnrecognizedClientException" || name == "InvalidClientTokenId";
}

}  // namespace tollgate::bedrock
