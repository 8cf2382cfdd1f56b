#include "tests/simulator/request_parser.h"

#include <algorithm>

namespace tollgate::simulator {
namespace {

// Anthropic's limit.
constexpr std::uint64_t kBodyLimit = 32 * 1024 * 1024;
constexpr std::uint32_t kHeaderLimit = 256 * 1024;
// What simdjson may read behind the text.
constexpr std::size_t kSpare = 64;

}  // namespace

RequestParser::RequestParser() {
  body_limit(kBodyLimit);
  header_limit(kHeaderLimit);
  eager(true);
}

void RequestParser::on_request_impl(boost::beast::http::verb, StringView method, StringView target, int version,
                                    ErrorCode&) {
  request_.method.assign(method.data(), method.size());
  request_.target.assign(target.data(), target.size());
  request_.version = version;
  request_.headers.reserve(32);
}

void RequestParser::on_field_impl(boost::beast::http::field, StringView name, StringView value, ErrorCode&) {
  request_.headers.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) {
  request_.body.reserve(std::min(length.value_or(0), kBodyLimit) + kSpare);
}

std::size_t RequestParser::on_body_impl(StringView bytes, ErrorCode&) {
  request_.body.append(bytes.data(), bytes.size());
  return bytes.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, StringView bytes, ErrorCode& error) {
  return on_body_impl(bytes, error);
}

void RequestParser::on_finish_impl(ErrorCode&) {
  request_.body.reserve(request_.body.size() + kSpare);
}

}  // namespace tollgate::simulator
