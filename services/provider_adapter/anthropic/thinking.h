// Thinking blocks in a conversation's history. Their signatures are bound to the model and to the family of providers
// that issued them: one that is foreign is refused, and with it every further request of the conversation, since its
// client sends its history anew each time.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/common/async.h"
#include "tollgate/v1/adapter.pb.h"

namespace tollgate::anthropic {

// What the signatures that the gateway itself issues for other dialects begin with.
inline constexpr std::string_view kEnvelopeTag = "tg1.";

// Whether the text of an error refuses thinking blocks that were sent, and not the thinking that was asked for.
bool refuses_thinking(std::string_view message);

struct ThinkingCut {
  // Blocks that go.
  std::size_t blocks = 0;
  // The `signature` of those, or the `data` where they are redacted.
  std::vector<std::string> signatures;
  // Ascending, within the value of `messages`, or replacing the value of another member. A message that would be empty
  // goes as a whole. Where the last turn of the model is answered with results of tools, thinking is switched off if
  // the API would insist on a thinking block there.
  std::vector<v1::Edit> edits;
};

// Cuts out the thinking blocks whose signature (or `data`) is `unwanted`. What cannot be read is left to the upstream.
ThinkingCut cut_thinking(const std::string& body, const std::function<bool(std::string_view)>& unwanted);

// Adds the edits to those that the request has.
void add_edits(const std::vector<v1::Edit>& edits, v1::SendRequest& request);

// The signatures that an upstream refused, each for an hour after it was last seen. Used on one shard.
class RefusedSignatures {
 public:
  static constexpr std::chrono::hours kRemembered{1};
  static constexpr std::size_t kMax = 16384;

  void add(std::string_view signature, SteadyClock::time_point now);
  // Seen again, it is remembered longer.
  bool contains(std::string_view signature, SteadyClock::time_point now);
  bool empty() const { return order_.empty(); }

 private:
  struct Entry {
    std::size_t hash;
    SteadyClock::time_point seen;
  };
  // The one seen last in front.
  std::list<Entry> order_;
  std::unordered_map<std::size_t, std::list<Entry>::iterator> entries_;
};

}  // namespace tollgate::anthropic
