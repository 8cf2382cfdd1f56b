// Where things stand in Redis. All of a workspace shares the hash tag {workspace}, so that one script touches one slot:
//
//   tg:{ws}:key:<hash>      hash    a key: name, label, limit, reset, ..., usage and held (create_key.lua)
//   tg:{ws}:keys            zset    key hashes by the time of creation, us
//   tg:{ws}:hold:<gen>      hash    a request in flight: key, amount, cost at the last checkpoint
//   tg:{ws}:holds           zset    generation ids by the end of the lease, Unix ms
//   tg:{ws}:settled:<gen>   string  "<cost> <usage source>" of a settled generation; expires
//   tg:{ws}:totals          hash    usage: all that was ever settled, removed keys included
//
// and outside of workspaces:
//
//   tg:key:{<hash>}         string  the workspace of a key; never changes
//   tg:workspaces           set     workspaces that have or had a key
#pragma once

#include <string>
#include <string_view>

namespace tollgate::layout {

inline constexpr std::string_view kWorkspaces = "tg:workspaces";

// `suffix` and `id` follow the workspace's prefix.
inline std::string in_workspace(std::string_view workspace, std::string_view suffix, std::string_view id = {}) {
  std::string out;
  out.reserve(5 + workspace.size() + suffix.size() + id.size() + 1);
  out.append("tg:{").append(workspace).append("}:").append(suffix).append(id);
  return out;
}

inline std::string key_record(std::string_view workspace, std::string_view hash) {
  return in_workspace(workspace, "key:", hash);
}
inline std::string keys(std::string_view workspace) {
  return in_workspace(workspace, "keys");
}
inline std::string hold(std::string_view workspace, std::string_view generation) {
  return in_workspace(workspace, "hold:", generation);
}
inline std::string holds(std::string_view workspace) {
  return in_workspace(workspace, "holds");
}
inline std::string settled(std::string_view workspace, std::string_view generation) {
  return in_workspace(workspace, "settled:", generation);
}
inline std::string totals(std::string_view workspace) {
  return in_workspace(workspace, "totals");
}

inline std::string workspace_of_key(std::string_view hash) {
  return std::string("tg:key:{").append(hash).append("}");
}

}  // namespace tollgate::layout
