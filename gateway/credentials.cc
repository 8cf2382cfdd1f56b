#include "gateway/credentials.h"

#include "services/common/access/credentials.h"

namespace tollgate {
Credentials find_api_key(const RequestHead& head) {
  const std::string_view bearer = bearer_token(head.find("authorization"));
  const std::string_view api_key = head.find("x-api-key");
  const bool bearer_is_ours = bearer.starts_with(kKeyPrefix);
  const bool api_key_is_ours = api_key.starts_with(kKeyPrefix);
  if (bearer_is_ours && api_key_is_ours && bearer != api_key)
    return {.key = {}, .conflict = true};
  // Of two foreign ones either will do: the ledger refuses both.
  const bool take_bearer = bearer_is_ours || (!api_key_is_ours && !bearer.empty());
  return {.key = take_bearer ? bearer : api_key, .conflict = false};
}

}  // namespace tollgate
