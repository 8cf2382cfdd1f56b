// Where things stand in Redis. All of a workspace shares the hash tag {workspace}, so that one script touches one slot:
//
//   tg:{ws}:workspace       hash    the workspace: name, limits, mode, ..., and its counters (scripts/record.lua)
//   tg:{ws}:key:<hash>      hash    a key: name, label, limits, ..., and its counters
//   tg:{ws}:keys            zset    key hashes by the time of creation, us
//   tg:{ws}:outputs:<hash>  hash    how long a key's outputs are, by model (scripts/outputs.lua)
//   tg:{ws}:gen:<id>        string  a generation, held or settled (scripts/generation.lua)
//   tg:{ws}:holds           zset    held generations by the end of their lease, Unix ms
//   tg:{ws}:settled         zset    settled generations by the time at which they count, Unix us
//   tg:{ws}:names           hash    names of removed keys, by hash
//   tg:{ws}:records         stream  what was asked (scripts/activity.lua), and beside it
//   tg:{ws}:hour:<number>   hash    sums of an hour; expires
//   tg:{ws}:day:<number>    hash    sums of a day; expires
//   tg:{ws}:sessions        zset    sessions by the time of their last request, Unix ms
//   tg:{ws}:session:<id>    hash    sums of a session
//   tg:{ws}:audit           string  an audit walks the settled generations; expires
//
// and outside of workspaces:
//
//   tg:key:{<hash>}         string  the workspace of a key; never changes
//   tg:session:{<hash>}     string  the hash of the key that a session of the dashboard stands for; expires
//   tg:workspaces           set     all workspaces
//   tg:outages              zset    endpoints of upstreams to be tried last, by the end of that, Unix ms; expires
//   tg:renewed              string  run id of the server whose append-only file was written anew (aof_renewal.h)
//
// A record counts `held` (the amounts of its held generations), `usage` (all it was ever charged) and the same for the
// running day, week and month (`day` is the number of the day that `day_usage` counts, ...). `archived`,
// `day_archived`, ... are the parts of these sums whose generations have been forgotten: usage = archived + the settled
// generations that are left, for every record, at any time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::layout {

inline constexpr std::string_view kWorkspaces = "tg:workspaces";
inline constexpr std::string_view kMarks = "tg:outages";
inline constexpr std::string_view kRenewedRun = "tg:renewed";

// `suffix` and `id` follow the workspace's prefix.
inline std::string in_workspace(std::string_view workspace, std::string_view suffix, std::string_view id = {}) {
  std::string out;
  out.reserve(5 + workspace.size() + suffix.size() + id.size() + 1);
  out.append("tg:{").append(workspace).append("}:").append(suffix).append(id);
  return out;
}

inline std::string workspace_record(std::string_view workspace) {
  return in_workspace(workspace, "workspace");
}
inline std::string key_record(std::string_view workspace, std::string_view hash) {
  return in_workspace(workspace, "key:", hash);
}
inline std::string keys(std::string_view workspace) {
  return in_workspace(workspace, "keys");
}
inline std::string outputs(std::string_view workspace, std::string_view hash) {
  return in_workspace(workspace, "outputs:", hash);
}
inline std::string generation(std::string_view workspace, std::string_view id) {
  return in_workspace(workspace, "gen:", id);
}
inline std::string holds(std::string_view workspace) {
  return in_workspace(workspace, "holds");
}
inline std::string settled(std::string_view workspace) {
  return in_workspace(workspace, "settled");
}
inline std::string audit(std::string_view workspace) {
  return in_workspace(workspace, "audit");
}

inline std::string names(std::string_view workspace) {
  return in_workspace(workspace, "names");
}
inline std::string records(std::string_view workspace) {
  return in_workspace(workspace, "records");
}
inline std::string sessions(std::string_view workspace) {
  return in_workspace(workspace, "sessions");
}
inline std::string session(std::string_view workspace, std::string_view digest) {
  return in_workspace(workspace, "session:", digest);
}
// Sums of hours (Unix seconds / 3600) and days (/ 86400).
inline std::string hour(std::string_view workspace, std::int64_t number) {
  return in_workspace(workspace, "hour:", std::to_string(number));
}
inline std::string day(std::string_view workspace, std::int64_t number) {
  return in_workspace(workspace, "day:", std::to_string(number));
}

inline std::string workspace_of_key(std::string_view hash) {
  return std::string("tg:key:{").append(hash).append("}");
}
inline std::string session(std::string_view token_hash) {
  return std::string("tg:session:{").append(token_hash).append("}");
}

}  // namespace tollgate::layout
