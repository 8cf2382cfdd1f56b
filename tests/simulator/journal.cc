#include "tests/simulator/journal.h"

#include <simdjson.h>

#include <boost/beast/core/detail/base64.hpp>
#include <nlohmann/json.hpp>

#include "services/common/base/digest.h"

namespace tollgate::simulator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBodyBytes = 256 * 1024 * 1024;

std::string base64(std::string_view bytes) {
  namespace codec = boost::beast::detail::base64;
  std::string encoded(codec::encoded_size(bytes.size()), '\0');
  encoded.resize(codec::encode(encoded.data(), bytes.data(), bytes.size()));
  return encoded;
}

// HTTP allows any byte in a header's value, JSON only UTF-8.
Json text_json(const std::string& text) {
  if (simdjson::validate_utf8(text))
    return text;
  return Json{{"base64", base64(text)}};
}

Json usage_json(const Usage& usage) {
  return Json{{"input_tokens", usage.input},
              {"cache_creation_5m_input_tokens", usage.cache_creation_5m},
              {"cache_creation_1h_input_tokens", usage.cache_creation_1h},
              {"cache_read_input_tokens", usage.cache_read},
              {"output_tokens", usage.output}};
}

Json request_json(const Request& request) {
  Json headers = Json::array();
  for (const auto& [name, value] : request.headers)
    headers.push_back(Json::array({text_json(name), text_json(value)}));
  Json json{{"method", request.method},
            {"target", text_json(request.target)},
            {"version", request.version},
            {"headers", std::move(headers)}};
  if (simdjson::validate_utf8(request.body))
    json["body"] = request.body;
  else
    json["body_base64"] = base64(request.body);
  json["sha256"] = sha256_hex(request.body);
  return json;
}

}  // namespace

struct Journal::Entry {
  std::uint64_t index;
  std::uint64_t connection;
  SteadyClock::time_point at;
  Request request;

  bool answering = false;
  bool done = false;
  SteadyClock::time_point done_at;
  unsigned status = 0;
  Outcome outcome;
  bool billed = false;
  bool stream = false;
  std::string model;
  std::string message_id;
  Usage usage;
};

Journal::Ticket Journal::received(const Request& request, std::uint64_t connection) {
  std::lock_guard lock(mutex_);
  std::uint64_t index = total_++;
  if (capacity_ == 0)
    return nullptr;
  auto entry = std::make_shared<Entry>();
  entry->index = index;
  entry->connection = connection;
  entry->at = SteadyClock::now();
  entry->request = request;
  body_bytes_ += request.body.size();
  entries_.push_back(entry);
  drop_old();
  return entry;
}

void Journal::drop_old() {
  while (entries_.size() > capacity_ || (entries_.size() > 1 && body_bytes_ > kBodyBytes)) {
    body_bytes_ -= entries_.front()->request.body.size();
    entries_.pop_front();
  }
}

void Journal::answering(const Ticket& ticket, const Reply& reply) {
  if (!ticket)
    return;
  std::lock_guard lock(mutex_);
  ticket->answering = true;
  ticket->status = reply.status;
  ticket->stream = reply.stream;
}

void Journal::answered(const Ticket& ticket, const Reply& reply, const Outcome& outcome) {
  Usage usage = reply.usage;
  if (!outcome.completed) {
    usage.output = outcome.output_tokens;
    usage.thinking = 0;
  }
  bool billed = reply.billable && (outcome.completed || outcome.body_bytes > 0);
  std::lock_guard lock(mutex_);
  if (billed) {
    ++billed_requests_;
    add(billed_, usage);
  }
  if (!ticket)
    return;
  ticket->done = true;
  ticket->done_at = SteadyClock::now();
  ticket->outcome = outcome;
  ticket->billed = billed;
  ticket->model = reply.model;
  ticket->message_id = reply.message_id;
  ticket->usage = usage;
}

void Journal::add(Usage& sum, const Usage& usage) {
  sum.input += usage.input;
  sum.cache_creation_5m += usage.cache_creation_5m;
  sum.cache_creation_1h += usage.cache_creation_1h;
  sum.cache_read += usage.cache_read;
  sum.output += usage.output;
}

void Journal::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  body_bytes_ = 0;
  total_ = 0;
  billed_requests_ = 0;
  billed_ = Usage();
}

std::uint64_t Journal::total() const {
  std::lock_guard lock(mutex_);
  return total_;
}

std::string Journal::requests_json() const {
  auto milliseconds_between = [](SteadyClock::time_point from, SteadyClock::time_point to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  };
  std::lock_guard lock(mutex_);
  Json requests = Json::array();
  for (const Ticket& entry : entries_) {
    Json json{
        {"index", entry->index}, {"connection", entry->connection}, {"at_ms", milliseconds_between(begin_, entry->at)}};
    json.update(request_json(entry->request));
    Json response{{"status", entry->status}, {"done", entry->done}};
    if (entry->done) {
      response["completed"] = entry->outcome.completed;
      response["client_closed"] = entry->outcome.client_closed;
      response["body_bytes"] = entry->outcome.body_bytes;
      response["events"] = entry->outcome.events;
      response["after_ms"] = milliseconds_between(entry->at, entry->done_at);
    }
    json["response"] = entry->answering ? std::move(response) : Json();
    requests.push_back(std::move(json));
  }
  return Json{{"total", total_}, {"requests", std::move(requests)}}.dump();
}

std::string Journal::billed_json() const {
  std::lock_guard lock(mutex_);
  Json requests = Json::array();
  for (const Ticket& entry : entries_) {
    if (!entry->billed)
      continue;
    Json json{{"index", entry->index},
              {"model", entry->model},
              {"message_id", entry->message_id},
              {"stream", entry->stream},
              {"completed", entry->outcome.completed}};
    json.update(usage_json(entry->usage));
    requests.push_back(std::move(json));
  }
  Json totals{{"requests", billed_requests_}};
  totals.update(usage_json(billed_));
  return Json{{"totals", std::move(totals)}, {"requests", std::move(requests)}}.dump();
}

}  // namespace tollgate::simulator
