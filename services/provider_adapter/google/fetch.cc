#include "services/provider_adapter/google/fetch.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/common/base/errors.h"
#include "services/provider_adapter/upstream_failure.h"

namespace tollgate::gcp {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
constexpr milliseconds kConnectTimeout(5000);
constexpr milliseconds kReplyTimeout(10000);

bool is_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Awaitable<absl::StatusOr<FetchReply>> Fetcher::fetch(FetchRequest request) {
  const std::size_t path_at = std::min(request.url.find('/', request.url.find("://") + 3), request.url.size());
  const std::string base = request.url.substr(0, path_at);
  const std::string path = path_at < request.url.size() ? request.url.substr(path_at) : std::string(1, '/');
  const absl::StatusOr<upstream::Url> url = upstream::parse_url(base);
  if (!url.ok())
    co_return url.status();
  if (!is_line(path) || path.find(' ') != path.npos)
    co_return to_status(upstream_failure(v1::Failure::KIND_UPSTREAM_AUTH, name_,
                                         fmt::format("The address of a token at {} holds a space.", base)));
  std::unique_ptr<upstream::Client>& client = clients_[base];
  if (client == nullptr) {
    upstream::PoolOptions options;
    options.name = name_;
    options.url = *url;
    options.ca_file = ca_file_;
    options.max_connections = 4;
    options.connect_timeout = kConnectTimeout;
    auto pool = upstream::Pool::make(context_, deadlines_, std::move(options));
    if (!pool.ok())
      co_return pool.status();
    client =
        std::make_unique<upstream::Client>(*std::move(pool), upstream::ClientOptions{kReplyTimeout, kReplyTimeout});
  }
  upstream::Request message;
  message.head = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\naccept-encoding: identity\r\n",
                             request.method, path, url->authority());
  for (const auto& [name, value] : request.headers) {
    // Out of a file: not everything in it need be a header.
    if (!is_line(name) || !is_line(value))
      co_return to_status(upstream_failure(
          v1::Failure::KIND_UPSTREAM_AUTH, name_,
          fmt::format("The header \"{}\" for {} holds a control character.", is_line(name) ? name : "?", base)));
    message.head.append(name).append(": ").append(value).append("\r\n");
  }
  if (request.method == "POST")
    message.head.append(fmt::format("content-length: {}\r\n", request.body.size()));
  message.head.append("\r\n");
  if (!request.body.empty()) {
    message.body.pieces.push_back(request.body);
    message.body.size = request.body.size();
  }
  absl::StatusOr<upstream::Response> response = co_await client->send(message);
  if (!response.ok())
    co_return response.status();
  FetchReply reply;
  reply.status = response->status();
  std::string bytes;
  for (;;) {
    const auto read = co_await response->read(bytes, kReplyTimeout);
    if (!read.ok())
      co_return read.status();
    if (*read == upstream::Response::Read::kEnd)
      co_return std::move(reply);
    if (*read == upstream::Response::Read::kQuiet)
      continue;
    if (reply.body.size() + bytes.size() > kMaxBody)
      co_return to_status(
          bad_response(name_, fmt::format("The answer of {} is longer than {} bytes.", base, kMaxBody)));
    reply.body.append(bytes);
  }
}

}  // namespace tollgate::gcp
