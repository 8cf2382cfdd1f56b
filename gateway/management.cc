#include "gateway/management.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "gateway/key_requests.h"
#include "gateway/keys_json.h"
#include "services/common/access/guarded.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using Result = absl::StatusOr<Answer>;

Result answer_json(std::string json, unsigned status = 200) {
  Answer answer = json_answer(std::move(json));
  answer.status = status;
  return answer;
}

Result deleted() {
  return answer_json("{\"deleted\":true}");
}

// Where what is missing or in the way is named by the request's body or query, and not by its path.
absl::Status as_invalid(const absl::Status& status) {
  if (absl::IsNotFound(status) || absl::IsFailedPrecondition(status))
    return error(v1::Failure::KIND_INVALID_REQUEST, std::string(status.message()));
  return status;
}

// Leaves `number` as it is when it is not given.
absl::Status read_number(std::string_view target, const char* name, std::size_t& number) {
  const std::string text = query_value(target, name);
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || (read.ec == std::errc() && read.ptr == end))
    return absl::OkStatus();
  return error(v1::Failure::KIND_INVALID_REQUEST,
               fmt::format("{}: expected a whole number such as 100; got \"{}\"", name, text));
}

absl::StatusOr<bool> read_include_disabled(std::string_view target) {
  const std::string text = query_value(target, "include_disabled");
  if (!text.empty() && text != "true" && text != "false")
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 fmt::format("include_disabled: expected true or false; got \"{}\"", text));
  return text == "true";
}

Awaitable<Result> list_keys(Keys& keys, const ManagementRequest& request) {
  ListPage page;
  const absl::StatusOr<bool> include_disabled = read_include_disabled(request.target);
  absl::Status valid = read_number(request.target, "offset", page.offset);
  valid.Update(include_disabled.status());
  if (!valid.ok())
    co_return valid;
  v1::ListKeysRequest asked;
  asked.set_workspace(query_value(request.target, "workspace_id"));
  const absl::StatusOr<v1::ListKeysReply> listed = co_await keys.list(asked);
  if (!listed.ok())
    co_return as_invalid(listed.status());
  co_return answer_json(keys_json(*listed, *include_disabled, page));
}

Awaitable<Result> create_key(Keys& keys, const ManagementRequest& request) {
  const absl::StatusOr<JsonValue> body = parse_json(request.body);
  if (!body.ok())
    co_return body.status();
  const absl::StatusOr<v1::CreateKeyRequest> asked = read_create_key(*body);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::CreateKeyReply> created = co_await keys.create(*asked);
  if (!created.ok())
    co_return as_invalid(created.status());
  co_return answer_json(created_key_json(*created), 201);
}

Awaitable<absl::StatusOr<v1::Key>> update_key(Keys& keys, v1::Key current, const std::string& text) {
  const absl::StatusOr<JsonValue> body = parse_json(text);
  if (!body.ok())
    co_return body.status();
  const absl::StatusOr<v1::UpdateKeyRequest> asked = read_update_key(*body, current);
  if (!asked.ok())
    co_return asked.status();
  if (body->children.empty())
    co_return current;
  co_return co_await keys.update(*asked);
}

Awaitable<Result> one_key(Keys& keys, const ManagementRequest& request) {
  if (request.method == Method::kDelete) {
    v1::DeleteKeyRequest asked;
    asked.set_hash(request.id);
    const absl::StatusOr<v1::DeleteKeyReply> removed = co_await keys.remove(asked);
    co_return removed.ok() ? deleted() : removed.status();
  }
  v1::GetKeyRequest asked;
  asked.set_hash(request.id);
  absl::StatusOr<v1::Key> key = co_await keys.get(asked);
  if (key.ok() && request.method == Method::kPatch)
    key = co_await update_key(keys, *key, request.body);
  if (!key.ok())
    co_return key.status();
  co_return answer_json(key_json(*key));
}

Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> all_workspaces(Workspaces& workspaces) {
  const v1::ListWorkspacesRequest asked;
  co_return co_await workspaces.list(asked);
}

Awaitable<Result> list_workspaces(Workspaces& workspaces, const ManagementRequest& request) {
  ListPage page;
  absl::Status valid = read_number(request.target, "offset", page.offset);
  valid.Update(read_number(request.target, "limit", page.limit));
  if (!valid.ok())
    co_return valid;
  const absl::StatusOr<v1::ListWorkspacesReply> listed = co_await all_workspaces(workspaces);
  if (!listed.ok())
    co_return listed.status();
  co_return answer_json(workspaces_json(*listed, page));
}

Awaitable<Result> credits(Workspaces& workspaces) {
  const absl::StatusOr<v1::ListWorkspacesReply> listed = co_await all_workspaces(workspaces);
  if (!listed.ok())
    co_return listed.status();
  co_return answer_json(credits_json(*listed));
}

Awaitable<Result> create_workspace(Workspaces& workspaces, const ManagementRequest& request) {
  const absl::StatusOr<JsonValue> body = parse_json(request.body);
  if (!body.ok())
    co_return body.status();
  const absl::StatusOr<v1::CreateWorkspaceRequest> asked = read_create_workspace(*body);
  if (!asked.ok())
    co_return asked.status();
  const absl::StatusOr<v1::Workspace> created = co_await workspaces.create(*asked);
  if (!created.ok())
    co_return created.status();
  co_return answer_json(workspace_json(*created), 201);
}

Awaitable<absl::StatusOr<v1::Workspace>> update_workspace(Workspaces& workspaces, v1::Workspace current,
                                                          const std::string& text) {
  const absl::StatusOr<JsonValue> body = parse_json(text);
  if (!body.ok())
    co_return body.status();
  const absl::StatusOr<v1::UpdateWorkspaceRequest> asked = read_update_workspace(*body, current);
  if (!asked.ok())
    co_return asked.status();
  if (body->children.empty())
    co_return current;
  co_return co_await workspaces.update(*asked);
}

Awaitable<Result> one_workspace(Workspaces& workspaces, const ManagementRequest& request) {
  if (request.method == Method::kDelete) {
    v1::DeleteWorkspaceRequest asked;
    asked.set_id(request.id);
    const absl::StatusOr<v1::DeleteWorkspaceReply> removed = co_await workspaces.remove(asked);
    if (absl::IsFailedPrecondition(removed.status()))
      co_return as_invalid(removed.status());
    co_return removed.ok() ? deleted() : removed.status();
  }
  v1::GetWorkspaceRequest asked;
  asked.set_id(request.id);
  absl::StatusOr<v1::Workspace> workspace = co_await workspaces.get(asked);
  if (workspace.ok() && request.method == Method::kPatch)
    workspace = co_await update_workspace(workspaces, *workspace, request.body);
  if (!workspace.ok())
    co_return workspace.status();
  co_return answer_json(workspace_json(*workspace));
}

}  // namespace

Awaitable<absl::StatusOr<Answer>> manage(Keys& keys, Workspaces& workspaces, const ManagementRequest& request) {
  absl::Status refused = co_await authenticate_manager(keys, request.api_key);
  if (!refused.ok())
    co_return refused;
  const bool post = request.method == Method::kPost;
  switch (request.resource) {
    case Resource::kKeys:
      if (post)
        co_return co_await create_key(keys, request);
      co_return co_await list_keys(keys, request);
    case Resource::kManagedKey:
      co_return co_await one_key(keys, request);
    case Resource::kWorkspaces:
      if (post)
        co_return co_await create_workspace(workspaces, request);
      co_return co_await list_workspaces(workspaces, request);
    case Resource::kWorkspace:
      co_return co_await one_workspace(workspaces, request);
    case Resource::kCredits:
      co_return co_await credits(workspaces);
    default:
      co_return error(v1::Failure::KIND_INTERNAL, "This is no part of the management API.");
  }
}

}  // namespace tollgate
