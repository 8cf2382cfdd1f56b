#include "gateway/response.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <ctime>

#include "gateway/ascii.h"
#include "gateway/forwarding.h"
#include "gateway/openai/chat_errors.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::string_view kJsonType = "content-type: application/json\r\n";

std::string_view reason_of(unsigned status) {
  // Not registered, but Anthropic's own.
  if (status == 529)
    return "Overloaded";
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {reason.data(), reason.size()};
}

// `date: ...\r\n`, made once a second and thread.
const std::string& date_line() {
  thread_local std::time_t second = 0;
  thread_local std::string line;
  if (const std::time_t now = std::time(nullptr); now != second) {
    second = now;
    line = fmt::format("date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(now));
  }
  return line;
}

// What describes the upstream's body is of no use where the body is ours.
void append_failure_headers(const v1::Failure& failure, std::string& out) {
  HeaderList headers;
  for (const v1::Header& header : failure.headers()) {
    const bool about_body = starts_with_ignoring_case(header.name(), "content-");
    if (!about_body || !failure.body().empty())
      *headers.Add() = header;
  }
  append_response_headers(headers, out);
  if (find_header(headers, "content-type").empty())
    out += kJsonType;
}

}  // namespace

void append_status_line(unsigned status, std::string& out) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, reason_of(status));
  out += date_line();
}

std::string head_of(const Answer& answer, bool close) {
  std::string head;
  head.reserve(256 + answer.headers.size());
  append_status_line(answer.status, head);
  head += answer.headers;
  // A 304 would have to name the length of what it does not send.
  if (answer.status != 204 && answer.status != 304)
    fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", answer.body.size());
  if (close)
    head += "connection: close\r\n";
  head += "\r\n";
  return head;
}

Answer json_answer(std::string body) {
  return {.status = 200, .headers = std::string(kJsonType), .body = std::move(body)};
}

std::string_view request_id_of(const v1::Failure& failure) {
  const std::string_view given = find_header(failure.headers(), "request-id");
  return given.empty() ? std::string_view(failure.generation_id()) : given;
}

Answer failure_answer(const v1::Failure& failure, Dialect dialect) {
  const bool error_status = failure.http_status() >= 400 && failure.http_status() <= 599;
  Answer answer;
  answer.status = error_status ? failure.http_status() : 500;
  append_failure_headers(failure, answer.headers);
  const std::string_view request_id = request_id_of(failure);
  if (find_header(failure.headers(), "request-id").empty())
    answer.headers.append("request-id: ").append(request_id).append("\r\n");
  if (find_header(failure.headers(), "x-generation-id").empty())
    answer.headers.append("x-generation-id: ").append(failure.generation_id()).append("\r\n");
  if (dialect == Dialect::kAccount) {
    answer.body = account_error_json(failure);
  } else if (dialect == Dialect::kChat) {
    answer.status = chat::chat_status(answer.status);
    answer.body = chat::chat_error_json(failure);
    answer.headers.append("x-request-id: ").append(request_id).append("\r\n");
  } else {
    answer.body = failure.body().empty() ? messages_error_json(failure, request_id) : failure.body();
  }
  return answer;
}

}  // namespace tollgate
