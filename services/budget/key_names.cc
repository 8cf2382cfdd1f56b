#include "services/budget/key_names.h"

#include "services/budget/commands.h"
#include "services/budget/layout.h"
#include "services/budget/pipeline.h"

namespace tollgate {

Awaitable<absl::StatusOr<KeyNames>> key_names(Redis& redis, std::string workspace) {
  KeyNames names;
  std::vector<std::string> removed = {"HGETALL", layout::names(workspace)};
  const auto gone = co_await run(redis, std::move(removed));
  if (!gone.ok())
    co_return gone.status();
  for (std::size_t i = 0; i + 1 < gone->elements.size(); i += 2)
    names[gone->elements[i].text] = gone->elements[i + 1].text;
  std::vector<std::string> list = {"ZRANGE", layout::keys(workspace), "0", "-1"};
  const auto hashes = co_await run(redis, std::move(list));
  if (!hashes.ok())
    co_return hashes.status();
  std::vector<std::vector<std::string>> get;
  for (const RedisReply& hash : hashes->elements)
    get.push_back({"HGET", layout::key_record(workspace, hash.text), "name"});
  const auto found = co_await run_all(redis, std::move(get));
  if (!found.ok())
    co_return found.status();
  for (std::size_t i = 0; i < found->size(); ++i)
    names[hashes->elements[i].text] = (*found)[i].text;
  co_return names;
}

}  // namespace tollgate
