#include "services/provider_adapter/vertex/failures.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "services/common/base/errors.h"
#include "services/provider_adapter/anthropic/failures.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::vertex {
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
    Row{"INTERNAL", 500},
    Row{"UNKNOWN", 500},
    Row{"DATA_LOSS", 500},
    Row{"UNAVAILABLE", 529},
    Row{"DEADLINE_EXCEEDED", 504},
    Row{"CANCELLED", 500},
};

// Of a Google error without a status, and where the Messages API has another number for the same thing.
unsigned api_status(unsigned status, std::string_view google) {
  for (const Row& row : kRows) {
    if (row.status == google)
      return row.http_status;
  }
  switch (status) {
    case 499:
      return 500;
    case 503:
      return 529;
    default:
      return status;
  }
}

// Vertex answers a prompt that is too long with 413, Anthropic with 400.
unsigned status_of(unsigned status, const anthropic::ApiError& error) {
  return status == 413 && error.type == "invalid_request_error" ? 400 : status;
}

struct GoogleError {
  std::string message;
  std::string status;
};

std::optional<GoogleError> read_google(const std::string& body) {
  json parsed = json::parse(body, nullptr, false);
  if (parsed.is_array() && parsed.size() == 1)
    parsed = json(parsed[0]);
  if (!parsed.is_object() || !parsed.contains("error") || !parsed["error"].is_object())
    return std::nullopt;
  const json& error = parsed["error"];
  const auto text = [&error](const char* name) {
    const auto found = error.find(name);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return GoogleError{text("message"), text("status")};
}

}  // namespace

v1::Failure failure_of_response(std::string_view upstream, unsigned status, const boost::beast::http::fields& headers,
                                std::string body, bool complete, std::chrono::system_clock::time_point now) {
  const auto as_api = [&](unsigned api, std::string text) {
    return anthropic::failure_of_response(upstream, api, headers, std::move(text), true, now);
  };
  std::optional<GoogleError> google;
  const std::optional<anthropic::ApiError> api = complete ? anthropic::read_error(body) : std::nullopt;
  if (complete && status >= 400 && !(api && api->of_api))
    google = read_google(body);
  if (!google) {
    // An error of the API itself, or none that is known.
    return anthropic::failure_of_response(upstream,
                                          api && api->of_api ? status_of(status, *api) : api_status(status, ""),
                                          headers, std::move(body), complete, now);
  }
  const unsigned meant = api_status(status, google->status);
  if (const auto inner = anthropic::read_error(google->message); inner && inner->of_api)
    return as_api(status_of(meant, *inner), google->message);
  v1::Failure failure =
      as_api(meant, fmt::format(R"({{"error":{{"type":"{}","message":{}}}}})", error_type_of(meant),
                                json(google->message).dump(-1, ' ', false, json::error_handler_t::replace)));
  // 404 here: the model is not there in this project or region, which is the configuration's fault.
  if (failure.kind() == Kind::KIND_NOT_FOUND || failure.kind() == Kind::KIND_UPSTREAM_AUTH) {
    v1::Failure ours = upstream_failure(
        Kind::KIND_UPSTREAM_AUTH, upstream,
        fmt::format("Upstream {} refused the gateway ({} {}). The operator of the gateway has to check that "
                    "upstreams.{}.credentials_file may use Vertex AI in upstreams.{}.project, and that the model is "
                    "enabled there and served in upstreams.{}.region.",
                    upstream, status, google->status, upstream, upstream, upstream));
    ours.set_retry_after_ms(failure.retry_after_ms());
    return ours;
  }
  return failure;
}

}  // namespace tollgate::vertex
