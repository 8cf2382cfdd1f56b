// Which flags of anthropic-beta, and which anthropic-version, an upstream gets: what it is known to take of those that
// the client sent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "services/common/async.h"
#include "services/provider_adapter/anthropic/route.h"
#include "tollgate/v1/features.pb.h"

namespace tollgate::anthropic {

using Flags = std::vector<std::string>;

// The flags of all anthropic-beta headers, in their order.
Flags beta_flags(const ClientHeaders& headers);

// Whether fit_headers() could change or refuse anything.
bool is_unlimited(const v1::Features& features);

// Makes `headers` fit: flags are dropped and renamed, the version is replaced. Lines that need no change stay as they
// are. UNSUPPORTED when the upstream (`name`) refuses a flag; the message names it.
absl::Status fit_headers(const v1::Features& features, std::string_view name, ClientHeaders& headers);

// Takes these flags away.
void drop_flags(const Flags& flags, ClientHeaders& headers);

// Which of the flags that were sent the text of an error refuses: those that it names, or all of them when it speaks of
// an invalid flag and names none. Empty when it is about something else.
Flags refused_flags(std::string_view message, const Flags& sent);

// What models refused, each for an hour. Used on one shard.
class RefusedFlags {
 public:
  static constexpr std::chrono::hours kRemembered{1};

  // `refused` out of `sent`. One flag is remembered by itself; several that were refused together, of which nobody
  // knows which it was, as long as just these are sent.
  void add(const std::string& model, const Flags& sent, const Flags& refused, SteadyClock::time_point now);
  // Those of `sent` that the model does not take.
  Flags among(const std::string& model, const Flags& sent, SteadyClock::time_point now) const;
  bool empty() const { return models_.empty(); }

 private:
  struct Entry {
    // Sent just so, or a single flag.
    Flags flags;
    bool together = false;
    SteadyClock::time_point until;
  };
  static constexpr std::size_t kMaxModels = 256;
  static constexpr std::size_t kMaxEntries = 64;
  std::map<std::string, std::vector<Entry>> models_;
};

}  // namespace tollgate::anthropic
