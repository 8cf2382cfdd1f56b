#include "services/provider_adapter/translation/envelope.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <utility>

#include "services/common/base/digest.h"

namespace tollgate::translation {
namespace {

constexpr std::string_view kPrefix = "tg1.";
constexpr std::string_view kPurpose = "tollgate thinking envelope 1";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// Unpadded.
std::string base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char byte : bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    for (; count >= 6; count -= 6)
      out += kAlphabet[(bits >> (count - 6)) & 63];
  }
  if (count > 0)
    out += kAlphabet[(bits << (6 - count)) & 63];
  return out;
}

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}();

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char c : text) {
    if (kValues[c] < 0)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(kValues[c]);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xff);
    }
  }
  return bytes;
}

void append_field(std::string& out, std::string_view field) {
  for (std::size_t size = field.size();; size >>= 7) {
    if (size < 0x80) {
      out += static_cast<char>(size);
      break;
    }
    out += static_cast<char>((size & 0x7f) | 0x80);
  }
  out.append(field);
}

bool take_field(std::string_view& bytes, std::string& field) {
  std::size_t size = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (bytes.empty())
      return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    size |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte >= 0x80)
      continue;
    if (size > bytes.size())
      return false;
    field = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return true;
  }
  return false;
}

}  // namespace

std::string Envelopes::seal(const Envelope& envelope) const {
  std::string bytes;
  bytes.reserve(envelope.payload.size() + envelope.model.size() + envelope.upstream.size() + 32);
  for (const std::string* field : {&envelope.dialect, &envelope.upstream, &envelope.model, &envelope.payload})
    append_field(bytes, *field);
  std::string text(kPrefix);
  text.append(base64url(bytes));
  const std::string proof = hmac(key_, text);
  return text.append(".").append(base64url(proof));
}

std::optional<Envelope> Envelopes::open(std::string_view signature) const {
  if (!is_envelope(signature))
    return std::nullopt;
  const std::size_t dot = signature.rfind('.');
  if (dot < kPrefix.size())
    return std::nullopt;
  // The text and not what it decodes to: two spellings of the same bytes are not both ours.
  const std::string proof = base64url(hmac(key_, signature.substr(0, dot)));
  if (!equal_in_constant_time(proof, signature.substr(dot + 1)))
    return std::nullopt;
  const std::optional<std::string> bytes = from_base64url(signature.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!bytes)
    return std::nullopt;
  std::string_view rest = *bytes;
  Envelope envelope;
  for (std::string* field : {&envelope.dialect, &envelope.upstream, &envelope.model, &envelope.payload}) {
    if (!take_field(rest, *field))
      return std::nullopt;
  }
  return rest.empty() ? std::optional(std::move(envelope)) : std::nullopt;
}

std::optional<std::string> Envelopes::open_for(std::string_view signature, std::string_view dialect,
                                               std::string_view upstream, std::string_view model) const {
  std::optional<Envelope> envelope = open(signature);
  if (!envelope || envelope->dialect != dialect || envelope->upstream != upstream || envelope->model != model)
    return std::nullopt;
  return std::move(envelope->payload);
}

bool is_envelope(std::string_view signature) {
  return signature.starts_with(kPrefix);
}

std::string envelope_key(std::string_view signing_key, std::string_view api_key) {
  const std::string_view secret = signing_key.empty() ? api_key : signing_key;
  return hmac(secret, kPurpose);
}

}  // namespace tollgate::translation
