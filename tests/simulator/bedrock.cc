#include "tests/simulator/bedrock.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/crc.hpp>
#include <nlohmann/json.hpp>

#include "tests/simulator/json_text.h"

namespace tollgate::simulator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kModelPath = "/model/";
constexpr std::string_view kNativePath = "/anthropic";
// What Bedrock takes; any other flag fails the whole request.
constexpr std::array<std::string_view, 8> kBetas = {"context-1m-2025-08-07",
                                                    "context-management-2025-06-27",
                                                    "effort-2025-11-24",
                                                    "computer-use-2025-01-24",
                                                    "fine-grained-tool-streaming-2025-05-14",
                                                    "tool-search-tool-2025-10-19",
                                                    "interleaved-thinking-2025-05-14",
                                                    "compact-2026-01-12"};

// /model/{id}/{action}
struct Target {
  std::string model;
  std::string action;
};

std::optional<Target> target_of(std::string_view path) {
  if (!path.starts_with(kModelPath))
    return {};
  const std::string_view rest = path.substr(kModelPath.size());
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos)
    return {};
  Target target{percent_decoded(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
  const bool known =
      target.action == "invoke" || target.action == "invoke-with-response-stream" || target.action == "count-tokens";
  return known ? std::optional(target) : std::nullopt;
}

std::string encoded(std::string_view bytes) {
  namespace codec = boost::beast::detail::base64;
  std::string out(codec::encoded_size(bytes.size()), '\0');
  out.resize(codec::encode(out.data(), bytes.data(), bytes.size()));
  return out;
}

std::string decoded(std::string_view text) {
  namespace codec = boost::beast::detail::base64;
  std::string out(codec::decoded_size(text.size()), '\0');
  out.resize(codec::decode(out.data(), text.data(), text.size()).first);
  return out;
}

std::string new_request_id() {
  static std::atomic<std::uint64_t> next{0};
  return fmt::format("00000000-0000-4000-8000-{:012}", next.fetch_add(1));
}

Headers aws_headers(std::string_view content_type) {
  return {{"content-type", std::string(content_type)}, {"x-amzn-RequestId", new_request_id()}};
}

Reply aws_error(unsigned status, std::string_view type, std::string_view message) {
  Reply reply;
  reply.status = status;
  reply.headers = aws_headers("application/json");
  reply.headers.emplace_back("x-amzn-ErrorType", fmt::format("{}:http://internal.amazon.com/coral/", type));
  reply.body.push_back({fmt::format(R"({{"message":{}}})", json_string(message))});
  return reply;
}

std::string_view type_of_status(unsigned status) {
  switch (status) {
    case 400:
      return "ValidationException";
    case 403:
      return "AccessDeniedException";
    case 404:
      return "ResourceNotFoundException";
    case 408:
      return "ModelTimeoutException";
    case 424:
      return "ModelErrorException";
    case 429:
      return "ThrottlingException";
    case 503:
      return "ServiceUnavailableException";
    default:
      return status < 500 ? "ValidationException" : "InternalServerException";
  }
}

// What is wrong with the body of InvokeModel; empty: nothing.
std::string fault_of(const Json& body) {
  for (const char* name : {"model", "stream"})
    if (body.contains(name))
      return fmt::format("{}: Extra inputs are not permitted", name);
  if (!body.contains("anthropic_version"))
    return "anthropic_version: Field required";
  if (body["anthropic_version"] != "bedrock-2023-05-31" && body["anthropic_version"] != "2026-10-21")
    return "anthropic_version: not a version that is known";
  if (!body.contains("anthropic_beta"))
    return {};
  if (!body["anthropic_beta"].is_array())
    return "anthropic_beta: Input should be a valid array";
  for (const Json& flag : body["anthropic_beta"])
    if (!flag.is_string() || std::find(kBetas.begin(), kBetas.end(), flag.get<std::string>()) == kBetas.end())
      return "invalid beta flag";
  return {};
}

// The call of the Messages API behind a call of Bedrock.
Request inner_request(const Request& request, Json body, const std::string& path, const std::string& api_key) {
  Request inner;
  inner.method = "POST";
  inner.target = path;
  inner.headers = {
      {"content-type", "application/json"}, {"x-api-key", api_key}, {"x-sim", std::string(request.header("x-sim"))}};
  const std::string version = body.value("anthropic_version", "2023-06-01");
  inner.headers.emplace_back("anthropic-version", version == "2026-10-21" ? version : "2023-06-01");
  body.erase("anthropic_version");
  body.erase("anthropic_beta");
  inner.body = body.dump();
  inner.body.reserve(inner.body.size() + 64);
  return inner;
}

std::optional<Piece> framed(const Piece& piece, const Usage& usage) {
  constexpr std::string_view kEvent = "event: ";
  constexpr std::string_view kData = "\ndata: ";
  const std::string_view text = piece.bytes;
  const std::size_t data = text.find(kData);
  if (!text.starts_with(kEvent) || data == text.npos || !text.ends_with("\n\n"))
    return {};
  const std::string name(text.substr(kEvent.size(), data - kEvent.size()));
  std::string json(text.substr(data + kData.size()));
  json.resize(json.size() - 2);
  Piece out = piece;
  constexpr std::string_view kException = "exception:";
  if (name.starts_with(kException)) {
    out.bytes = aws_frame({{":exception-type", name.substr(kException.size())},
                           {":content-type", "application/json"},
                           {":message-type", "exception"}},
                          json);
    return out;
  }
  if (name == "message_stop") {
    json.pop_back();
    json += fmt::format(R"(,"amazon-bedrock-invocationMetrics":{{"inputTokenCount":{},"outputTokenCount":{},)"
                        R"("invocationLatency":100,"firstByteLatency":50,"cacheReadInputTokenCount":{},)"
                        R"("cacheWriteInputTokenCount":{}}}}})",
                        usage.input, usage.output, usage.cache_read, usage.cache_creation_5m + usage.cache_creation_1h);
  }
  const std::string padding = std::string("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP").substr(0, 1 + json.size() % 40);
  out.bytes = aws_frame({{":event-type", "chunk"}, {":content-type", "application/json"}, {":message-type", "event"}},
                        fmt::format(R"({{"bytes":"{}","p":"{}"}})", encoded(json), padding));
  return out;
}

std::string body_of(const Reply& reply) {
  std::string body;
  for (const Piece& piece : reply.body)
    body += piece.bytes;
  return body;
}

}  // namespace

std::string aws_frame(const Headers& headers, std::string_view payload) {
  const auto put = [](std::string& out, std::uint32_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(value >> shift & 0xff);
  };
  const auto crc_of = [](const std::string& bytes) {
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
  };
  std::string block;
  for (const auto& [name, value] : headers) {
    put(block, static_cast<std::uint32_t>(name.size()), 1);
    block += name;
    put(block, 7, 1);
    put(block, static_cast<std::uint32_t>(value.size()), 2);
    block += value;
  }
  std::string frame;
  put(frame, static_cast<std::uint32_t>(16 + block.size() + payload.size()), 4);
  put(frame, static_cast<std::uint32_t>(block.size()), 4);
  put(frame, crc_of(frame), 4);
  frame += block;
  frame += payload;
  put(frame, crc_of(frame), 4);
  return frame;
}

bool Bedrock::is_call(const Request& request) {
  return request.path().starts_with(kModelPath) || request.path().starts_with(kNativePath);
}

std::optional<Reply> Bedrock::refuse(const Request& request) const {
  const std::string_view authorization = request.header("authorization");
  if (authorization.starts_with("Bearer ") && !api_key_.empty() && authorization.substr(7) == api_key_)
    return {};
  if (api_key_.empty() && keys_.empty())
    return {};
  if (authorization.starts_with("Bearer "))
    return aws_error(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.");
  std::vector<std::string> services = {"bedrock"};
  if (request.path().starts_with(kNativePath))
    services.emplace_back("bedrock-mantle");
  const auto refusal = refuse_signature(request, keys_, services, std::chrono::system_clock::now());
  if (refusal)
    return aws_error(403, refusal->type, refusal->message);
  return {};
}

Reply Bedrock::handle(const Request& request) {
  if (std::optional<Reply> refusal = refuse(request))
    return std::move(*refusal);
  if (request.path().starts_with(kNativePath)) {
    Request inner = request;
    inner.target.erase(0, kNativePath.size());
    std::erase_if(inner.headers, [](const auto& header) { return same_header_name(header.first, "authorization"); });
    inner.headers.emplace_back("x-api-key", api_key_);
    inner.body.reserve(inner.body.size() + 64);
    return api_.handle(inner);
  }
  const std::optional<Target> target = target_of(request.path());
  if (!target || request.method != "POST")
    return aws_error(404, "UnknownOperationException", "Not Found");
  Json body = Json::parse(request.body, nullptr, false);
  const bool counts = target->action == "count-tokens";
  if (counts) {
    const Json::json_pointer inner("/input/invokeModel/body");
    if (!body.is_object() || !body.contains(inner) || !body[inner].is_string())
      return aws_error(400, "ValidationException", "input.invokeModel.body: Field required");
    body = Json::parse(decoded(body[inner].get<std::string>()), nullptr, false);
  }
  if (!body.is_object())
    return aws_error(400, "ValidationException", "Malformed input request, please reformat your input and try again.");
  if (const std::string fault = fault_of(body); !fault.empty())
    return aws_error(400, "ValidationException", fault);
  if (target->model.find("tollgate-probe") != std::string::npos)
    return aws_error(400, "ValidationException", "The provided model identifier is invalid.");
  body["model"] = target->model;
  if (target->action == "invoke-with-response-stream")
    body["stream"] = true;
  const std::string path = counts ? "/v1/messages/count_tokens" : "/v1/messages";
  return api_.handle(inner_request(request, std::move(body), path, api_key_));
}

Reply Bedrock::dressed(const Request& request, Reply reply) {
  const std::optional<Target> target = target_of(request.path());
  if (!target)
    return reply;
  const std::string type(find_header(reply.headers, "content-type"));
  std::erase_if(reply.headers, [](const auto& header) {
    return same_header_name(header.first, "request-id") || header.first.starts_with("anthropic-");
  });
  if (find_header(reply.headers, "x-amzn-requestid").empty())
    reply.headers.emplace_back("x-amzn-RequestId", new_request_id());
  if (reply.status != 200) {
    const Json error = Json::parse(body_of(reply), nullptr, false);
    const Json::json_pointer message("/error/message");
    if (!error.is_object() || !error.contains(message))
      return reply;
    const unsigned status = reply.status == 529 ? 503 : reply.status;
    Reply out = aws_error(status, type_of_status(status), error[message].get<std::string>());
    out.broken = reply.broken;
    out.head_delay = reply.head_delay;
    return out;
  }
  if (target->action == "count-tokens") {
    const Json count = Json::parse(body_of(reply), nullptr, false);
    if (count.is_object() && count.contains("input_tokens"))
      reply.body = {Piece{fmt::format(R"({{"inputTokens":{}}})", count["input_tokens"].get<std::int64_t>())}};
    return reply;
  }
  if (!type.starts_with("text/event-stream"))
    return reply;
  for (auto& [name, value] : reply.headers)
    if (same_header_name(name, "content-type"))
      value = "application/vnd.amazon.eventstream";
  for (Piece& piece : reply.body)
    if (std::optional<Piece> frame = framed(piece, reply.usage))
      piece = std::move(*frame);
  return reply;
}

}  // namespace tollgate::simulator
