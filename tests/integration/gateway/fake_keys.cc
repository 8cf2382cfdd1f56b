#include "tests/integration/gateway/fake_keys.h"

#include <algorithm>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr const char* kPrefix = "sk-tg-v1-";

absl::Status unknown(const std::string& what) {
  return error(v1::Failure::KIND_NOT_FOUND, "There is no " + what + ".");
}

// Nothing is spent.
template <class Owner>
void set_limits(const v1::Limits& limits, Owner& owner) {
  owner.clear_limits();
  for (const v1::Limit& limit : limits.limits()) {
    v1::LimitState* state = owner.add_limits();
    *state->mutable_limit() = limit;
    state->set_remaining_nano_usd(limit.amount_nano_usd());
  }
}

}  // namespace

FakeKeys::FakeKeys() {
  for (const char* name : {"good", "disabled", "expired", "manager", "retired"})
    add(name);
  keys_[0].mutable_spend()->set_usage_nano_usd(1'250'000'000);
  keys_[1].set_disabled(true);
  keys_[2].set_expires_at_ms(1);
  keys_[3].set_management(true);
  keys_[4].set_management(true);
  keys_[4].set_disabled(true);
}

v1::Key& FakeKeys::add(const std::string& name) {
  v1::Key& key = keys_.emplace_back();
  key.set_hash(sha256_hex(kPrefix + name));
  key.set_label(kPrefix + name.substr(0, 2) + "..." + name.substr(name.size() - 2));
  key.set_name(name);
  key.set_workspace("default");
  return key;
}

Awaitable<absl::StatusOr<v1::Key>> FakeKeys::get(const v1::GetKeyRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.hash() == sha256_hex("sk-tg-v1-away"))
    co_return error(v1::Failure::KIND_UNAVAILABLE, "Redis is away.");
  for (const v1::Key& key : keys_) {
    if (key.hash() == request.hash())
      co_return key;
  }
  co_return unknown("key with this hash");
}

Awaitable<absl::StatusOr<v1::CreateKeyReply>> FakeKeys::create(const v1::CreateKeyRequest& request) {
  const std::lock_guard lock(mutex_);
  ++changes_;
  if (!request.workspace().empty() && request.workspace() != "default" && request.workspace() != "team")
    co_return unknown("workspace \"" + request.workspace() + "\"");
  v1::Key& key = add(request.name());
  if (!request.workspace().empty())
    key.set_workspace(request.workspace());
  set_limits(request.limits(), key);
  key.set_management(request.management());
  key.set_hold_mode(request.hold_mode());
  *key.mutable_permissions() = request.permissions();
  *key.mutable_rate_limits() = request.rate_limits();
  key.set_external_user(request.external_user());
  if (request.has_expires_at_ms())
    key.set_expires_at_ms(request.expires_at_ms());
  v1::CreateKeyReply reply;
  *reply.mutable_key() = key;
  reply.set_secret(kPrefix + request.name());
  co_return reply;
}

Awaitable<absl::StatusOr<v1::ListKeysReply>> FakeKeys::list(const v1::ListKeysRequest& request) {
  const std::lock_guard lock(mutex_);
  v1::ListKeysReply reply;
  for (const v1::Key& key : keys_) {
    if (request.workspace().empty() || key.workspace() == request.workspace())
      *reply.add_keys() = key;
  }
  co_return reply;
}

Awaitable<absl::StatusOr<v1::Key>> FakeKeys::update(const v1::UpdateKeyRequest& request) {
  const std::lock_guard lock(mutex_);
  ++changes_;
  for (v1::Key& key : keys_) {
    if (key.hash() != request.hash())
      continue;
    if (request.has_name())
      key.set_name(request.name());
    if (request.has_disabled())
      key.set_disabled(request.disabled());
    if (request.has_limits())
      set_limits(request.limits(), key);
    if (request.has_permissions())
      *key.mutable_permissions() = request.permissions();
    co_return key;
  }
  co_return unknown("key with this hash");
}

Awaitable<absl::StatusOr<v1::DeleteKeyReply>> FakeKeys::remove(const v1::DeleteKeyRequest& request) {
  const std::lock_guard lock(mutex_);
  ++changes_;
  const auto removed = std::erase_if(keys_, [&](const v1::Key& key) { return key.hash() == request.hash(); });
  if (removed == 0)
    co_return unknown("key with this hash");
  co_return v1::DeleteKeyReply();
}

std::size_t FakeKeys::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

FakeWorkspaces::FakeWorkspaces() {
  for (const char* id : {"busy", "default"})
    workspaces_[id].set_id(id);
  workspaces_["default"].mutable_spend()->set_usage_nano_usd(2'500'000'000);
}

Awaitable<absl::StatusOr<v1::Workspace>> FakeWorkspaces::create(const v1::CreateWorkspaceRequest& request) {
  const std::lock_guard lock(mutex_);
  if (workspaces_.count(request.id()) > 0)
    co_return error(v1::Failure::KIND_INVALID_REQUEST, "There is a workspace \"" + request.id() + "\".");
  v1::Workspace& workspace = workspaces_[request.id()];
  workspace.set_id(request.id());
  workspace.set_name(request.name());
  workspace.set_hold_mode(request.hold_mode());
  set_limits(request.limits(), workspace);
  co_return workspace;
}

Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> FakeWorkspaces::list(const v1::ListWorkspacesRequest&) {
  const std::lock_guard lock(mutex_);
  v1::ListWorkspacesReply reply;
  for (const auto& [id, workspace] : workspaces_)
    *reply.add_workspaces() = workspace;
  co_return reply;
}

Awaitable<absl::StatusOr<v1::Workspace>> FakeWorkspaces::get(const v1::GetWorkspaceRequest& request) {
  const std::lock_guard lock(mutex_);
  const auto found = workspaces_.find(request.id());
  if (found == workspaces_.end())
    co_return unknown("workspace \"" + request.id() + "\"");
  co_return found->second;
}

Awaitable<absl::StatusOr<v1::Workspace>> FakeWorkspaces::update(const v1::UpdateWorkspaceRequest& request) {
  const std::lock_guard lock(mutex_);
  v1::Workspace& workspace = workspaces_[request.id()];
  if (request.has_name())
    workspace.set_name(request.name());
  if (request.has_limits())
    set_limits(request.limits(), workspace);
  co_return workspace;
}

Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> FakeWorkspaces::remove(const v1::DeleteWorkspaceRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.id() == "busy")
    co_return absl::FailedPreconditionError("The workspace \"busy\" has keys.");
  if (workspaces_.erase(request.id()) == 0)
    co_return unknown("workspace \"" + request.id() + "\"");
  co_return v1::DeleteWorkspaceReply();
}

}  // namespace tollgate
