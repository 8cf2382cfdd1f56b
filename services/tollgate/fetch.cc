#include "services/tollgate/fetch.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>

#include "services/common/async.h"

namespace tollgate {
namespace {

namespace http = boost::beast::http;
using Resolver = asio::ip::basic_resolver<Tcp, Executor>;

template <class Stream>
Awaitable<std::vector<Fetched>> ask(Stream& stream, const Url& url, const std::string& api_key,
                                    const std::vector<std::string>& targets) {
  std::vector<Fetched> replies;
  boost::beast::flat_buffer buffer;
  for (const std::string& target : targets) {
    http::request<http::empty_body> request(http::verb::get, url.path + target, 11);
    request.set(http::field::host, url.port == (url.tls ? "443" : "80") ? url.host : url.host + ":" + url.port);
    request.set(http::field::authorization, "Bearer " + api_key);
    request.set(http::field::user_agent, "tollgate");
    co_await http::async_write(stream, request, use_awaitable);
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, use_awaitable);
    replies.push_back({response.result_int(), std::move(response.body())});
  }
  co_return replies;
}

Awaitable<std::vector<Fetched>> run(const Url& url, const std::string& api_key,
                                    const std::vector<std::string>& targets) {
  const Executor executor = co_await asio::this_coro::executor;
  Resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(url.host, url.port, use_awaitable);
  TcpSocket socket(executor);
  co_await asio::async_connect(socket, found, use_awaitable);
  if (!url.tls)
    co_return co_await ask(socket, url, api_key, targets);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_default_verify_paths();
  asio::ssl::stream<TcpSocket> stream(std::move(socket), tls);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
  SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  co_await stream.async_handshake(asio::ssl::stream_base::client, use_awaitable);
  co_return co_await ask(stream, url, api_key, targets);
}

}  // namespace

absl::StatusOr<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://"))
    url.tls = true;
  else if (!rest.starts_with("http://"))
    return absl::InvalidArgumentError(fmt::format("expected http://host[:port]/api; got \"{}\"", text));
  rest.remove_prefix(url.tls ? 8 : 7);
  std::string_view authority = rest.substr(0, rest.find('/'));
  url.path = rest.substr(authority.size());
  while (url.path.ends_with('/'))
    url.path.pop_back();
  const bool bracketed = authority.starts_with('[');
  const auto colon = bracketed ? authority.find(':', authority.find(']')) : authority.find(':');
  url.port = colon == std::string_view::npos ? (url.tls ? "443" : "80") : std::string(authority.substr(colon + 1));
  url.host = authority.substr(0, colon);
  if (bracketed && url.host.ends_with(']'))
    url.host = url.host.substr(1, url.host.size() - 2);
  const bool digits = !url.port.empty() && url.port.find_first_not_of("0123456789") == std::string::npos;
  const bool plain = text.find_first_of(" \t\r\n@?#") == std::string_view::npos;
  if (url.host.empty() || !digits || !plain)
    return absl::InvalidArgumentError(fmt::format("expected http://host[:port]/api; got \"{}\"", text));
  return url;
}

absl::StatusOr<std::vector<Fetched>> fetch(const Url& url, const std::string& api_key,
                                           const std::vector<std::string>& targets, std::chrono::milliseconds time) {
  asio::io_context context;
  std::optional<std::vector<Fetched>> result;
  std::string failure;
  asio::co_spawn(context.get_executor(), run(url, api_key, targets),
                 [&](std::exception_ptr thrown, std::vector<Fetched> replies) {
                   try {
                     if (thrown)
                       std::rethrow_exception(thrown);
                     result = std::move(replies);
                   } catch (const boost::system::system_error& error) {
                     failure = error.code().message();
                   } catch (const std::exception& error) {
                     failure = error.what();
                   }
                 });
  context.run_for(time);
  if (result)
    return *std::move(result);
  if (!failure.empty())
    return absl::UnavailableError(failure);
  return absl::DeadlineExceededError(fmt::format("no answer within {} ms", time.count()));
}

}  // namespace tollgate
