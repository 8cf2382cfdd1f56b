#include "tests/simulator/aws_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>
#include <ctime>

#include "services/common/base/digest.h"

namespace tollgate::simulator {
namespace {

constexpr std::chrono::minutes kMaxSkew(5);

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string lowered(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string hmac_sha256(const std::string& key, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out, &size);
  return std::string(reinterpret_cast<char*>(out), size);
}

// The bytes of the path as they came, each reserved one escaped once more.
std::string escaped_path(std::string_view path) {
  std::string out;
  for (char c : path) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/-_.~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Sorted; a parameter without a value gets an empty one. Our callers escape as AWS does.
std::string sorted_query(std::string_view target) {
  const std::size_t question = target.find('?');
  if (question == target.npos)
    return {};
  std::vector<std::string> parameters = split(target.substr(question + 1), '&');
  for (std::string& parameter : parameters)
    if (parameter.find('=') == std::string::npos)
      parameter += '=';
  std::sort(parameters.begin(), parameters.end());
  return fmt::format("{}", fmt::join(parameters, "&"));
}

// The part of the Authorization header behind `name`=.
std::string part_of(std::string_view authorization, std::string_view name) {
  const std::size_t begin = authorization.find(fmt::format("{}=", name));
  if (begin == authorization.npos)
    return {};
  std::string_view rest = authorization.substr(begin + name.size() + 1);
  return std::string(rest.substr(0, rest.find_first_of(", ")));
}

std::optional<std::chrono::system_clock::time_point> time_of(const std::string& amz_date) {
  std::tm time{};
  if (amz_date.size() != 16 || strptime(amz_date.c_str(), "%Y%m%dT%H%M%SZ", &time) == nullptr)
    return {};
  return std::chrono::system_clock::from_time_t(timegm(&time));
}

AwsRefusal mismatch(std::string message) {
  return {"InvalidSignatureException", std::move(message)};
}

}  // namespace

std::optional<AwsKey> parse_aws_key(std::string_view text) {
  const std::size_t first = text.find(':');
  if (first == text.npos)
    return {};
  const std::size_t second = std::min(text.find(':', first + 1), text.size());
  AwsKey key;
  key.id = text.substr(0, first);
  key.secret = text.substr(first + 1, second - first - 1);
  key.token = text.substr(std::min(text.size(), second + 1));
  if (key.id.empty() || key.secret.empty())
    return {};
  return key;
}

std::optional<AwsRefusal> refuse_signature(const Request& request, const std::vector<AwsKey>& keys,
                                           const std::vector<std::string>& services,
                                           std::chrono::system_clock::time_point now) {
  const std::string authorization(request.header("authorization"));
  if (authorization.empty())
    return AwsRefusal{"MissingAuthenticationTokenException", "Missing Authentication Token"};
  const std::vector<std::string> scope = split(part_of(authorization, "Credential"), '/');
  const std::vector<std::string> signed_names = split(part_of(authorization, "SignedHeaders"), ';');
  if (!authorization.starts_with("AWS4-HMAC-SHA256 ") || scope.size() != 5 || scope[4] != "aws4_request")
    return AwsRefusal{"IncompleteSignatureException", "Authorization header is malformed."};
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const AwsKey& other) { return other.id == scope[0]; });
  const std::string token(request.header("x-amz-security-token"));
  if (key == keys.end() || key->token != token)
    return AwsRefusal{"UnrecognizedClientException", "The security token included in the request is invalid."};
  if (std::find(services.begin(), services.end(), scope[3]) == services.end())
    return mismatch(fmt::format("Credential should be scoped to correct service: '{}'.", services.front()));

  const std::string amz_date(request.header("x-amz-date"));
  const auto time = time_of(amz_date);
  if (!time || amz_date.substr(0, 8) != scope[1])
    return mismatch("Date in Credential scope does not match the date of the request.");
  if (*time < now - kMaxSkew || *time > now + kMaxSkew)
    return mismatch(fmt::format("Signature expired: {} is too far from now.", amz_date));

  if (!std::is_sorted(signed_names.begin(), signed_names.end()))
    return mismatch("SignedHeaders are not sorted.");
  for (const auto& [name, value] : request.headers) {
    const std::string lower = lowered(name);
    const bool required = lower == "host" || lower == "content-type" || lower.starts_with("x-amz-");
    if (required && std::find(signed_names.begin(), signed_names.end(), lower) == signed_names.end())
      return mismatch(fmt::format("'{}' must be a signed header.", lower));
  }
  std::string headers;
  for (const std::string& name : signed_names)
    headers += fmt::format("{}:{}\n", name, request.header(name));
  const std::string digest = sha256_hex(request.body);
  const std::string_view stated = request.header("x-amz-content-sha256");
  if (!stated.empty() && stated != digest)
    return mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.");

  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, escaped_path(request.path()), sorted_query(request.target),
                  headers, fmt::join(signed_names, ";"), digest);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}/{}/{}/aws4_request\n{}", amz_date, scope[1],
                                          scope[2], scope[3], sha256_hex(canonical));
  std::string signing = "AWS4" + key->secret;
  for (std::size_t i = 1; i < scope.size(); ++i)
    signing = hmac_sha256(signing, scope[i]);
  std::string signature;
  for (char c : hmac_sha256(signing, to_sign))
    signature += fmt::format("{:02x}", static_cast<unsigned char>(c));
  if (signature != part_of(authorization, "Signature"))
    return mismatch("The request signature we calculated does not match the signature you provided.");
  return {};
}

}  // namespace tollgate::simulator
