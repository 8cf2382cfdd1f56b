// Beast's HTTP parser with a request of our own behind it: header names keep their case and all headers their order,
// which Beast's container of fields does not do for repeated names.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include "tests/simulator/request.h"

namespace tollgate::simulator {

class RequestParser : public boost::beast::http::basic_parser<true> {
 public:
  RequestParser();

  Request& request() { return request_; }

 private:
  using StringView = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  void on_request_impl(boost::beast::http::verb, StringView method, StringView target, int version,
                       ErrorCode& error) override;
  void on_response_impl(int, StringView, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field, StringView name, StringView value, ErrorCode& error) override;
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& error) override;
  std::size_t on_body_impl(StringView bytes, ErrorCode& error) override;
  void on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, StringView bytes, ErrorCode& error) override;
  void on_finish_impl(ErrorCode&) override;

  Request request_;
};

}  // namespace tollgate::simulator
