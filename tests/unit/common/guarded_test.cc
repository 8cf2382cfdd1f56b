#include "services/common/access/guarded.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <functional>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using v1::Failure;

// Knows one key of each kind, and counts what gets through to it.
struct CountingKeys final : Keys {
  int calls = 0;

  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override {
    v1::Key key;
    key.set_management(request.hash() != sha256_hex("infers"));
    key.set_disabled(request.hash() == sha256_hex("disabled manager"));
    if (request.hash() == sha256_hex("expired manager"))
      key.set_expires_at_ms(1);
    if (request.hash() == sha256_hex("unknown"))
      co_return error(Failure::KIND_NOT_FOUND, "no such key");
    if (request.hash() == sha256_hex("away"))
      co_return error(Failure::KIND_UNAVAILABLE, "Redis is away");
    // The one that is asked for, and not the one that asks.
    calls += request.hash() == "asked for" ? 1 : 0;
    co_return key;
  }
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest&) override {
    ++calls;
    co_return v1::CreateKeyReply();
  }
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest&) override {
    ++calls;
    co_return v1::ListKeysReply();
  }
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest&) override {
    ++calls;
    co_return v1::Key();
  }
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest&) override {
    ++calls;
    co_return v1::DeleteKeyReply();
  }
};

struct CountingWorkspaces final : Workspaces {
  int calls = 0;

  Awaitable<absl::StatusOr<v1::Workspace>> one() {
    ++calls;
    co_return v1::Workspace();
  }
  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest&) override { return one(); }
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest&) override { return one(); }
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest&) override { return one(); }
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest&) override {
    ++calls;
    co_return v1::ListWorkspacesReply();
  }
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest&) override {
    ++calls;
    co_return v1::DeleteWorkspaceReply();
  }
};

// The status of one call with `api_key`.
template <class Interface, class Request, class Reply>
absl::Status call(Interface& guarded, Awaitable<absl::StatusOr<Reply>> (Interface::*method)(const Request&),
                  Request request, const std::string& api_key) {
  request.set_api_key(api_key);
  asio::io_context context;
  absl::Status status = absl::UnknownError("did not finish");
  asio::co_spawn(context.get_executor(), (guarded.*method)(request),
                 [&](std::exception_ptr, absl::StatusOr<Reply> reply) { status = reply.status(); });
  context.run();
  return status;
}

TEST(Guarded, OnlyAManagementKeyGetsThrough) {
  CountingKeys keys;
  CountingWorkspaces workspaces;
  GuardedKeys guarded_keys(keys);
  GuardedWorkspaces guarded_workspaces(workspaces, keys);
  v1::GetKeyRequest asked;
  asked.set_hash("asked for");
  Keys& k = guarded_keys;
  Workspaces& w = guarded_workspaces;
  const std::vector<std::function<absl::Status(const std::string&)>> calls = {
      [&](const std::string& key) { return call(k, &Keys::create, v1::CreateKeyRequest(), key); },
      [&](const std::string& key) { return call(k, &Keys::list, v1::ListKeysRequest(), key); },
      [&](const std::string& key) { return call(k, &Keys::get, asked, key); },
      [&](const std::string& key) { return call(k, &Keys::update, v1::UpdateKeyRequest(), key); },
      [&](const std::string& key) { return call(k, &Keys::remove, v1::DeleteKeyRequest(), key); },
      [&](const std::string& key) { return call(w, &Workspaces::create, v1::CreateWorkspaceRequest(), key); },
      [&](const std::string& key) { return call(w, &Workspaces::list, v1::ListWorkspacesRequest(), key); },
      [&](const std::string& key) { return call(w, &Workspaces::get, v1::GetWorkspaceRequest(), key); },
      [&](const std::string& key) { return call(w, &Workspaces::update, v1::UpdateWorkspaceRequest(), key); },
      [&](const std::string& key) { return call(w, &Workspaces::remove, v1::DeleteWorkspaceRequest(), key); },
  };
  const std::vector<std::pair<std::string, absl::StatusCode>> rows = {
      {"", absl::StatusCode::kUnauthenticated},
      {"unknown", absl::StatusCode::kUnauthenticated},
      {"disabled manager", absl::StatusCode::kUnauthenticated},
      {"expired manager", absl::StatusCode::kUnauthenticated},
      {"infers", absl::StatusCode::kPermissionDenied},
      {"away", absl::StatusCode::kUnavailable},
  };
  for (const auto& with_key : calls) {
    for (const auto& [key, code] : rows)
      EXPECT_EQ(with_key(key).code(), code) << key;
  }
  EXPECT_EQ(keys.calls + workspaces.calls, 0);
  for (const auto& with_key : calls)
    EXPECT_TRUE(with_key("manager").ok());
  EXPECT_EQ(keys.calls, 5);
  EXPECT_EQ(workspaces.calls, 5);
}

}  // namespace
}  // namespace tollgate
