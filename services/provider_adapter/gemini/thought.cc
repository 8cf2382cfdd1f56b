#include "services/provider_adapter/gemini/thought.h"

#include <algorithm>

namespace tollgate::gemini {
namespace {

// One line each: a letter, and the signature, which is Base64.
constexpr char kOwn = 'h';
constexpr char kText = 't';
constexpr char kCall = 'c';

void append_line(std::string& payload, char kind, const std::string& signature) {
  if (signature.empty() || signature.find('\n') != std::string::npos)
    return;
  if (!payload.empty())
    payload += '\n';
  payload += kind;
  payload += signature;
}

}  // namespace

std::string to_payload(const Thought& thought) {
  std::string payload;
  append_line(payload, kOwn, thought.own);
  append_line(payload, kText, thought.text);
  append_line(payload, kCall, thought.call);
  return payload;
}

Thought from_payload(std::string_view payload) {
  Thought thought;
  while (!payload.empty()) {
    const std::string_view line = payload.substr(0, payload.find('\n'));
    payload.remove_prefix(std::min(payload.size(), line.size() + 1));
    if (line.empty())
      continue;
    std::string* field = line.front() == kOwn    ? &thought.own
                         : line.front() == kText ? &thought.text
                         : line.front() == kCall ? &thought.call
                                                 : nullptr;
    if (field != nullptr)
      *field = line.substr(1);
  }
  return thought;
}

}  // namespace tollgate::gemini
