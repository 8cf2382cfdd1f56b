#include "services/provider_adapter/aws/fetch.h"

#include <fmt/format.h>

#include "services/common/base/errors.h"
#include "services/provider_adapter/http/client.h"

namespace tollgate::aws {
namespace {

constexpr std::size_t kMaxBody = 256 * 1024;

absl::Status in_words(const absl::Status& status) {
  return absl::UnavailableError(failure_of(status).message());
}

}  // namespace

Awaitable<absl::StatusOr<FetchReply>> fetch(asio::io_context& context, Deadlines& deadlines, FetchRequest request) {
  const std::size_t scheme = request.url.find("://");
  const std::size_t slash = request.url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  const std::string path = slash == std::string::npos ? "/" : request.url.substr(slash);
  const auto url = upstream::parse_url(std::string_view(request.url).substr(0, slash));
  if (!url.ok())
    co_return in_words(url.status());
  if (path.find_first_of(" \r\n") != std::string::npos)
    co_return absl::InvalidArgumentError("its URL has a space or a line break");
  upstream::PoolOptions options;
  options.name = request.url.substr(0, slash);
  options.url = *url;
  options.connect_timeout = request.timeout;
  const auto pool = upstream::Pool::make(context, deadlines, std::move(options));
  if (!pool.ok())
    co_return in_words(pool.status());

  upstream::Request message;
  message.head = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\naccept: */*\r\nconnection: close\r\n", request.method, path,
                             url->authority());
  for (const auto& [name, value] : request.headers)
    fmt::format_to(std::back_inserter(message.head), "{}: {}\r\n", name, value);
  if (request.method != "GET")
    fmt::format_to(std::back_inserter(message.head), "content-length: {}\r\n", request.body.size());
  message.head += "\r\n";
  if (!request.body.empty()) {
    message.body.pieces.push_back(request.body);
    message.body.size = request.body.size();
  }
  upstream::Client client(*pool, {request.timeout, request.timeout});
  auto response = co_await client.send(message);
  if (!response.ok())
    co_return in_words(response.status());
  FetchReply reply;
  reply.status = response->status();
  std::string bytes;
  for (;;) {
    const auto read = co_await response->read(bytes, milliseconds::max());
    if (!read.ok())
      co_return in_words(read.status());
    if (*read == upstream::Response::Read::kEnd)
      co_return reply;
    if (reply.body.size() + bytes.size() > kMaxBody)
      co_return absl::ResourceExhaustedError("its answer is too long");
    reply.body += bytes;
  }
}

}  // namespace tollgate::aws
