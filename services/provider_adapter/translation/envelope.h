// The signature of the thinking blocks that we make for upstreams of another dialect: names who thought it and carries
// what they want back, so that a later request can return it to them and to nobody else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tollgate::translation {

// Any bytes in any field.
struct Envelope {
  std::string dialect;
  // Name of the configured upstream, and the model as it calls it.
  std::string upstream;
  std::string model;
  std::string payload;

  bool operator==(const Envelope&) const = default;
};

// tg1.<base64url of the fields>.<base64url of the HMAC-SHA256 of all before it>. Any thread.
class Envelopes {
 public:
  explicit Envelopes(std::string key) : key_(std::move(key)) {}

  std::string seal(const Envelope& envelope) const;
  // Nothing when it is none of ours, or was not sealed with this key.
  std::optional<Envelope> open(std::string_view signature) const;
  // The payload of an envelope of exactly that origin.
  std::optional<std::string> open_for(std::string_view signature, std::string_view dialect, std::string_view upstream,
                                      std::string_view model) const;

 private:
  const std::string key_;
};

// It claims to be one of ours; who sealed it is not checked.
bool is_envelope(std::string_view signature);

// The key of an upstream: derived from `signing_key` when there is one, else from its API key. Without both, a
// constant: the envelope is then a tag and proves nothing.
std::string envelope_key(std::string_view signing_key, std::string_view api_key);

}  // namespace tollgate::translation
