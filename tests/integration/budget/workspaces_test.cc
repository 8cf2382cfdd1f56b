// The Workspaces service: what it stores, shows, refuses and forgets.
#include <fmt/format.h>

#include "tests/integration/budget/fixture.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

class WorkspacesTest : public BudgetTest {
 protected:
  std::string key_in(const std::string& workspace) {
    v1::CreateKeyRequest create;
    create.set_name("ci");
    create.set_workspace(workspace);
    return create_key(create).key().hash();
  }
  absl::StatusOr<v1::DeleteWorkspaceReply> remove(const std::string& id) {
    v1::DeleteWorkspaceRequest request;
    request.set_id(id);
    return loop_.run(workspaces_.remove(request));
  }
};

TEST_F(WorkspacesTest, CreateShowsWhatWasGiven) {
  v1::CreateWorkspaceRequest request;
  request.set_id("team-1");
  request.set_name("Büro ☕");
  request.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  request.set_provider_preferences(R"({"zdr":true})");
  add_limit(*request.mutable_limits(), 5 * kUsd, v1::RESET_DAILY);
  add_limit(*request.mutable_limits(), 100 * kUsd, v1::RESET_MONTHLY);
  const auto created = loop_.run(workspaces_.create(request));
  expect_ok(created);
  EXPECT_EQ(created->id(), "team-1");
  EXPECT_EQ(created->name(), "Büro ☕");
  EXPECT_EQ(created->hold_mode(), v1::HOLD_MODE_EXPECTED);
  ASSERT_EQ(created->limits_size(), 2);
  EXPECT_EQ(created->limits(1).remaining_nano_usd(), 100 * kUsd);
  EXPECT_EQ(created->provider_preferences(), R"({"zdr":true})");
  EXPECT_EQ(created->keys(), 0);
  EXPECT_GT(created->created_at_ms(), 0);
  EXPECT_EQ(get_workspace("team-1").SerializeAsString(), created->SerializeAsString());
  EXPECT_EQ(create_workspace("team-2").name(), "team-2");

  const auto again = loop_.run(workspaces_.create(request));
  EXPECT_EQ(kind_of(again.status()), v1::Failure::KIND_INVALID_REQUEST);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("\"team-1\" already"));
}

TEST_F(WorkspacesTest, CreateRefuses) {
  struct Row {
    const char* text;
    std::function<void(v1::CreateWorkspaceRequest&)> change;
  };
  const std::vector<Row> rows = {
      {"workspace: expected 1 to 64", [](auto& r) { r.clear_id(); }},
      {"workspace: expected 1 to 64", [](auto& r) { r.set_id("a}b"); }},
      {"already", [](auto& r) { r.set_id("default"); }},
      {"name: expected 1 to 200", [](auto& r) { r.set_name(std::string(201, 'n')); }},
      {"limit: expected $0", [](auto& r) { add_limit(*r.mutable_limits(), -1); }},
      {"hold_mode", [](auto& r) { r.set_hold_mode(static_cast<v1::HoldMode>(7)); }},
      {"provider.sort: expected one of", [](auto& r) { r.set_provider_preferences(R"({"sort":"best"})"); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    v1::CreateWorkspaceRequest request;
    request.set_id("team");
    row.change(request);
    const auto reply = loop_.run(workspaces_.create(request));
    EXPECT_EQ(kind_of(reply.status()), v1::Failure::KIND_INVALID_REQUEST);
    EXPECT_THAT(std::string(reply.status().message()), HasSubstr(row.text));
  }
  EXPECT_EQ(loop_.run(workspaces_.list(v1::ListWorkspacesRequest()))->workspaces_size(), 1);
}

TEST_F(WorkspacesTest, TheDefaultOneIsAlwaysThere) {
  EXPECT_EQ(get_workspace().name(), "default");
  v1::UpdateWorkspaceRequest update;
  update.set_id("default");
  add_limit(*update.mutable_limits(), 7);
  update.set_name("Everyone");
  expect_ok(loop_.run(workspaces_.update(update)));
  const std::string hash = create_key().key().hash();
  EXPECT_EQ(get_workspace().name(), "Everyone");
  EXPECT_EQ(get_workspace().keys(), 1);
  EXPECT_FALSE(reserve(hash, "gen-1", 8).ok());
  expect_ok(reserve(hash, "gen-1", 7));
  EXPECT_EQ(kind_of(remove("default").status()), v1::Failure::KIND_INVALID_REQUEST);
}

TEST_F(WorkspacesTest, ListIsSorted) {
  for (const char* id : {"zoo", "alpha", "m.1"})
    create_workspace(id);
  const auto list = loop_.run(workspaces_.list(v1::ListWorkspacesRequest()));
  expect_ok(list);
  std::vector<std::string> ids;
  for (const v1::Workspace& workspace : list->workspaces())
    ids.push_back(workspace.id());
  EXPECT_EQ(ids, (std::vector<std::string>{"alpha", "default", "m.1", "zoo"}));
}

TEST_F(WorkspacesTest, UpdateChangesOnlyWhatIsSet) {
  create_workspace("team", 10, v1::RESET_WEEKLY);
  v1::UpdateWorkspaceRequest request;
  request.set_id("team");
  EXPECT_EQ(loop_.run(workspaces_.update(request))->SerializeAsString(), get_workspace("team").SerializeAsString());
  request.set_name("Team");
  request.set_hold_mode(v1::HOLD_MODE_EXPECTED);
  const auto renamed = loop_.run(workspaces_.update(request));
  EXPECT_EQ(renamed->name(), "Team");
  EXPECT_EQ(renamed->limits_size(), 1);
  request.Clear();
  request.set_id("team");
  request.mutable_limits();
  EXPECT_EQ(loop_.run(workspaces_.update(request))->limits_size(), 0);
  EXPECT_EQ(get_workspace("team").hold_mode(), v1::HOLD_MODE_EXPECTED);
  request.set_id("nobody");
  EXPECT_EQ(kind_of(loop_.run(workspaces_.update(request)).status()), v1::Failure::KIND_NOT_FOUND);
}

TEST_F(WorkspacesTest, OnlyAnUnusedOneCanBeRemoved) {
  create_workspace("team");
  const std::string hash = key_in("team");
  EXPECT_EQ(kind_of(remove("team").status()), v1::Failure::KIND_INVALID_REQUEST);
  expect_ok(reserve(hash, "gen-1", 5));
  remove_key(hash);
  // A request is still in flight.
  EXPECT_EQ(kind_of(remove("team").status()), v1::Failure::KIND_INVALID_REQUEST);
  for (int i = 1; i <= 600; ++i) {
    v1::SettleRequest done = settlement(hash, fmt::format("gen-{}", i), 5);
    done.set_workspace("team");
    expect_ok(loop_.run(ledger_.settle(done)));
  }
  EXPECT_EQ(get_workspace("team").spend().usage_nano_usd(), 3000);
  expect_ok(remove("team"));
  // Nothing of it is left.
  EXPECT_EQ(redis_command({"KEYS", "tg:{team}*"}).elements.size(), 0U);
  EXPECT_EQ(redis_command({"SISMEMBER", std::string(layout::kWorkspaces), "team"}).integer, 0);
  v1::GetWorkspaceRequest get;
  get.set_id("team");
  EXPECT_EQ(kind_of(loop_.run(workspaces_.get(get)).status()), v1::Failure::KIND_NOT_FOUND);
  EXPECT_EQ(kind_of(remove("team").status()), v1::Failure::KIND_NOT_FOUND);
  EXPECT_EQ(kind_of(remove("a}b").status()), v1::Failure::KIND_NOT_FOUND);
  // And it can be made again.
  EXPECT_EQ(create_workspace("team").spend().usage_nano_usd(), 0);
}

}  // namespace
}  // namespace tollgate
