#include "services/common/access/guarded.h"

#include "services/common/access/authenticate.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Goes on with `method` when the request shows a management key.
template <class Interface, class Request, class Reply>
Awaitable<absl::StatusOr<Reply>> guarded(Keys& keys, Interface& inner,
                                         Awaitable<absl::StatusOr<Reply>> (Interface::*method)(const Request&),
                                         const Request& request) {
  absl::Status refused = co_await authenticate_manager(keys, request.api_key());
  if (!refused.ok())
    co_return refused;
  co_return co_await (inner.*method)(request);
}

}  // namespace

Awaitable<absl::Status> authenticate_manager(Keys& keys, std::string api_key) {
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys, std::move(api_key));
  if (!key.ok())
    co_return key.status();
  if (!key->management())
    co_return error(v1::Failure::KIND_PERMISSION_DENIED,
                    "This API key only infers: managing keys and workspaces needs a management key "
                    "(tollgate key create --management).");
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<v1::CreateKeyReply>> GuardedKeys::create(const v1::CreateKeyRequest& request) {
  return guarded(keys_, keys_, &Keys::create, request);
}

Awaitable<absl::StatusOr<v1::ListKeysReply>> GuardedKeys::list(const v1::ListKeysRequest& request) {
  return guarded(keys_, keys_, &Keys::list, request);
}

Awaitable<absl::StatusOr<v1::Key>> GuardedKeys::get(const v1::GetKeyRequest& request) {
  return guarded(keys_, keys_, &Keys::get, request);
}

Awaitable<absl::StatusOr<v1::Key>> GuardedKeys::update(const v1::UpdateKeyRequest& request) {
  return guarded(keys_, keys_, &Keys::update, request);
}

Awaitable<absl::StatusOr<v1::DeleteKeyReply>> GuardedKeys::remove(const v1::DeleteKeyRequest& request) {
  return guarded(keys_, keys_, &Keys::remove, request);
}

Awaitable<absl::StatusOr<v1::Workspace>> GuardedWorkspaces::create(const v1::CreateWorkspaceRequest& request) {
  return guarded(keys_, workspaces_, &Workspaces::create, request);
}

Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> GuardedWorkspaces::list(const v1::ListWorkspacesRequest& request) {
  return guarded(keys_, workspaces_, &Workspaces::list, request);
}

Awaitable<absl::StatusOr<v1::Workspace>> GuardedWorkspaces::get(const v1::GetWorkspaceRequest& request) {
  return guarded(keys_, workspaces_, &Workspaces::get, request);
}

Awaitable<absl::StatusOr<v1::Workspace>> GuardedWorkspaces::update(const v1::UpdateWorkspaceRequest& request) {
  return guarded(keys_, workspaces_, &Workspaces::update, request);
}

Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> GuardedWorkspaces::remove(
    const v1::DeleteWorkspaceRequest& request) {
  return guarded(keys_, workspaces_, &Workspaces::remove, request);
}

}  // namespace tollgate
