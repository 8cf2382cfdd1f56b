#include "gateway/request_head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "gateway/ascii.h"

namespace tollgate {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

// Collects views instead of filling a container of copies. Only heads are given to it, so no body function is called.
class HeadParser final : public http::basic_parser<true> {
 public:
  explicit HeadParser(RequestHead& head) : head_(head) {}

 private:
  using string_view = boost::beast::string_view;

  static std::string_view view(string_view text) { return {text.data(), text.size()}; }

  void on_request_impl(http::verb, string_view, string_view target, int, error_code&) override {
    head_.target = view(target);
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    head_.fields.push_back({view(name), view(value)});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  RequestHead& head_;
};

}  // namespace

std::string_view RequestHead::find(std::string_view name) const {
  for (const HeaderField& field : fields) {
    if (equals_ignoring_case(field.name, name))
      return field.value;
  }
  return {};
}

std::vector<std::string_view> RequestHead::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const HeaderField& field : fields) {
    if (equals_ignoring_case(field.name, name))
      values.push_back(field.value);
  }
  return values;
}

bool parse_head(std::string_view bytes, RequestHead& head) {
  head.target = {};
  head.fields.clear();
  HeadParser parser(head);
  // The guard has checked the sizes.
  parser.header_limit(static_cast<std::uint32_t>(bytes.size()) + 1);
  parser.body_limit(boost::none);
  error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  return !error && parser.is_header_done();
}

}  // namespace tollgate
