#include "tests/simulator/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/simulator/api.h"
#include "tests/simulator/message.h"
#include "tests/simulator/reported_usage.h"

namespace tollgate::simulator {
namespace {

// Keeps the order of members, so that a scripted event is sent as it was written.
using Json = nlohmann::ordered_json;

[[noreturn]] void fail(std::string_view member, std::string_view expected) {
  throw std::invalid_argument(fmt::format("{}: {}", member, expected));
}

void check_members(const Json& object, std::string_view where, std::initializer_list<std::string_view> known) {
  if (!object.is_object())
    fail(where, "must be an object");
  for (const auto& [name, value] : object.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      fail(name, fmt::format("no member of {}; known: {}", where, fmt::join(known, ", ")));
}

std::uint64_t number(const Json& value, std::string_view name) {
  if (!value.is_number_unsigned())
    fail(name, "must be a whole number, at least 0");
  return value.get<std::uint64_t>();
}

std::string text(const Json& value, std::string_view name) {
  if (!value.is_string())
    fail(name, "must be a string");
  return value.get<std::string>();
}

Headers headers_of(const Json& value, std::string_view name) {
  Headers headers;
  for (const auto& [key, item] : value.items()) {
    if (value.is_object())
      headers.emplace_back(key, text(item, name));
    else if (item.is_array() && item.size() == 2)
      headers.emplace_back(text(item[0], name), text(item[1], name));
    else
      fail(name, "must be {name: value} or [[name, value], ...]");
  }
  return headers;
}

std::string decoded_base64(const std::string& encoded) {
  namespace base64 = boost::beast::detail::base64;
  std::string bytes(base64::decoded_size(encoded.size()), '\0');
  bytes.resize(base64::decode(bytes.data(), encoded.data(), encoded.size()).first);
  return bytes;
}

Break break_of(const Json& json) {
  check_members(json, "break", {"how", "after_bytes", "after_event", "before_head"});
  Break broken;
  std::string how = text(json.value("how", Json("close")), "how");
  if (how == "reset")
    broken.how = Break::How::kReset;
  else if (how == "stall")
    broken.how = Break::How::kStall;
  else if (how == "garbage")
    broken.how = Break::How::kGarbage;
  else if (how != "close")
    fail("how", "must be reset, close, stall or garbage");
  if (json.contains("after_bytes"))
    broken.after_bytes = number(json["after_bytes"], "after_bytes");
  if (json.contains("after_event"))
    broken.after_event = number(json["after_event"], "after_event");
  broken.before_head = json.value("before_head", false);
  return broken;
}

Reply::Framing framing_of(const std::string& name) {
  if (name == "length")
    return Reply::Framing::kLength;
  if (name == "chunked")
    return Reply::Framing::kChunked;
  if (name == "close")
    return Reply::Framing::kUntilClose;
  fail("framing", "must be length, chunked or close");
}

Piece event_of(const Json& json) {
  if (json.is_string())
    return {json.get<std::string>()};
  if (!json.is_object())
    fail("sse", "an event must be an object or a string");
  if (json.contains("type"))
    return {sse_event(text(json["type"], "type"), json.dump())};
  check_members(json, "an event without type", {"event", "raw", "delay_ms", "repeat"});
  if (json.contains("event") == json.contains("raw"))
    fail("sse", "an event without type must have either event or raw");
  Piece piece = json.contains("raw") ? Piece{text(json["raw"], "raw")} : event_of(json["event"]);
  if (json.contains("delay_ms"))
    piece.delay = milliseconds(number(json["delay_ms"], "delay_ms"));
  if (json.contains("repeat"))
    piece.repeat = static_cast<std::uint32_t>(number(json["repeat"], "repeat"));
  return piece;
}

void read_events(const Json& json, Step& step) {
  if (!json.is_array())
    fail("sse", "must be an array of events");
  Reported reported;
  step.body.emplace();
  for (const Json& item : json) {
    Piece piece = event_of(item);
    std::int64_t before = reported.usage.output;
    add_reported_events(piece.bytes, reported);
    piece.output_tokens = reported.usage.output - before;
    bool own_delay = item.is_object() && item.contains("delay_ms");
    if (step.piece_delay && !own_delay)
      piece.delay = *step.piece_delay;
    step.body->push_back(std::move(piece));
  }
  step.sse = true;
  step.usage = reported.usage;
  step.billable = reported.found;
  step.message_id = reported.message_id;
}

void read_body(const Json& json, Step& step) {
  std::string bytes;
  if (json.contains("body_base64"))
    bytes = decoded_base64(text(json["body_base64"], "body_base64"));
  else
    bytes = json["body"].is_string() ? json["body"].get<std::string>() : json["body"].dump();
  Reported reported;
  add_reported(bytes, reported);
  step.usage = reported.usage;
  step.billable = reported.found;
  step.message_id = reported.message_id;
  Piece piece{std::move(bytes)};
  piece.output_tokens = reported.usage.output;
  step.body = std::vector<Piece>{std::move(piece)};
}

void read_answer(const Json& json, Step& step) {
  if (json.contains("status"))
    step.status = static_cast<unsigned>(number(json["status"], "status"));
  if (json.contains("headers"))
    step.headers = headers_of(json["headers"], "headers");
  if (json.contains("message"))
    step.message = text(json["message"], "message");
  if (json.contains("sse"))
    read_events(json["sse"], step);
  else if (json.contains("body") || json.contains("body_base64"))
    read_body(json, step);
  step.billable = step.billable && step.status.value_or(200) == 200;
}

void read_delivery(const Json& json, Step& step) {
  if (json.contains("delay_ms"))
    step.piece_delay = milliseconds(number(json["delay_ms"], "delay_ms"));
  if (json.contains("first_byte_delay_ms"))
    step.head_delay = milliseconds(number(json["first_byte_delay_ms"], "first_byte_delay_ms"));
  if (json.contains("framing"))
    step.framing = framing_of(text(json["framing"], "framing"));
  if (json.contains("break"))
    step.broken = break_of(json["break"]);
  step.no_response = json.value("no_response", false);
  if (!json.contains("chunking"))
    return;
  const Json& chunking = json["chunking"];
  if (chunking == "byte")
    step.write_size = 1;
  else if (chunking != "whole")
    step.write_size = number(chunking, "chunking");
}

Step step_of(const Json& json) {
  check_members(json, "a step",
                {"match", "repeat", "status", "headers", "body", "body_base64", "message", "sse", "delay_ms",
                 "first_byte_delay_ms", "chunking", "framing", "break", "no_response"});
  Step step;
  if (json.contains("match")) {
    const Json& match = json["match"];
    check_members(match, "match", {"path", "model", "header"});
    step.path = match.value("path", "");
    step.model = match.value("model", "");
    if (match.contains("header"))
      step.match_headers = headers_of(match["header"], "header");
  }
  if (json.contains("repeat"))
    step.repeat = number(json["repeat"], "repeat");
  read_delivery(json, step);
  read_answer(json, step);
  return step;
}

std::string model_of(const Request& request) {
  nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("model") || !body["model"].is_string())
    return {};
  return body["model"].get<std::string>();
}

bool fits(const Step& step, const Request& request) {
  if (!step.path.empty() && step.path != request.path())
    return false;
  for (const auto& [name, value] : step.match_headers)
    if (find_header(request.headers, name) != value)
      return false;
  return step.model.empty() || step.model == model_of(request);
}

void replace_headers(Headers& headers, const Headers& with) {
  std::erase_if(headers, [&](const auto& header) {
    return std::any_of(with.begin(), with.end(),
                       [&](const auto& other) { return same_header_name(header.first, other.first); });
  });
  headers.insert(headers.end(), with.begin(), with.end());
}

}  // namespace

std::vector<Step> parse_script(std::string_view json, std::string& error) {
  std::vector<Step> steps;
  try {
    Json script = Json::parse(json);
    if (!script.is_array())
      script = Json::array({std::move(script)});
    for (const Json& step : script)
      steps.push_back(step_of(step));
  } catch (const std::exception& failure) {
    error = failure.what();
    steps.clear();
  }
  return steps;
}

Reply apply(const Step& step, Reply given) {
  Reply reply = std::move(given);
  if (step.replaces()) {
    unsigned status = step.status.value_or(200);
    if (!step.body) {
      reply = error_reply(status, step.message.empty() ? "as scripted" : step.message);
    } else {
      reply = Reply();
      reply.status = status;
      reply.headers = api_headers(step.sse ? "text/event-stream; charset=utf-8" : "application/json");
      reply.body = *step.body;
      reply.framing = step.sse ? Reply::Framing::kChunked : Reply::Framing::kLength;
      reply.stream = step.sse;
      reply.usage = step.usage;
      reply.billable = step.billable;
      reply.message_id = step.message_id;
    }
  } else if (step.piece_delay) {
    for (Piece& piece : reply.body)
      piece.delay = *step.piece_delay;
  }
  replace_headers(reply.headers, step.headers);
  if (step.framing)
    reply.framing = *step.framing;
  if (step.head_delay.count() > 0)
    reply.head_delay = step.head_delay;
  reply.write_size = step.write_size;
  reply.broken = step.broken;
  reply.no_response = step.no_response;
  return reply;
}

void Script::append(std::vector<Step> steps) {
  std::lock_guard lock(mutex_);
  std::move(steps.begin(), steps.end(), std::back_inserter(steps_));
  size_ = steps_.size();
}

void Script::clear() {
  std::lock_guard lock(mutex_);
  steps_.clear();
  size_ = 0;
}

std::size_t Script::size() const {
  return size_;
}

std::optional<Step> Script::take(const Request& request) {
  if (size_ == 0)
    return {};
  std::lock_guard lock(mutex_);
  auto found = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return fits(step, request); });
  if (found == steps_.end())
    return {};
  if (found->repeat == 0)
    return *found;
  if (found->repeat > 1) {
    --found->repeat;
    return *found;
  }
  Step step = std::move(*found);
  steps_.erase(found);
  size_ = steps_.size();
  return step;
}

}  // namespace tollgate::simulator
