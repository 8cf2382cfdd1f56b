// Every method of every contract reaches its implementation, with its request, and brings back its reply or error.
#include "services/common/base/errors.h"
#include "services/common/rpc/activity_rpc.h"
#include "services/common/rpc/catalog_rpc.h"
#include "services/common/rpc/keys_rpc.h"
#include "services/common/rpc/ledger_rpc.h"
#include "services/common/rpc/marks_rpc.h"
#include "services/common/rpc/provider_adapter_rpc.h"
#include "services/common/rpc/status.h"
#include "services/common/rpc/workspaces_rpc.h"
#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

struct FakeLedger final : Ledger {
  Awaitable<absl::StatusOr<v1::ReserveReply>> reserve(const v1::ReserveRequest& request) override {
    if (request.key_hash() == "spent")
      co_return error(v1::Failure::KIND_BUDGET, "spent");
    v1::ReserveReply reply;
    reply.set_workspace("reserve " + request.key_hash());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::CheckpointReply>> checkpoint(const v1::CheckpointRequest& request) override {
    v1::CheckpointReply reply;
    reply.set_live(request.cost_nano_usd() == 7);
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::SettleReply>> settle(const v1::SettleRequest& request) override {
    v1::SettleReply reply;
    reply.set_applied(true);
    reply.set_cost_nano_usd(request.cost_nano_usd());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::NoteReply>> note(const v1::ActivityRecord& record) override {
    if (record.generation_id() == "bad")
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "note " + record.generation_id());
    co_return v1::NoteReply();
  }
};

struct FakeActivity final : Activity {
  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override {
    v1::ActivityReply reply;
    reply.add_groups()->set_key_name("query by " + request.api_key());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override {
    v1::RecordsReply reply;
    reply.set_cursor("records " + request.cursor());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override {
    v1::SessionsReply reply;
    reply.set_cursor("sessions " + request.cursor());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override {
    co_return error(v1::Failure::KIND_NOT_FOUND, "generation " + request.generation_id());
  }
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override {
    struct Ended {
      std::atomic<int>& count;
      ~Ended() { ++count; }
    };
    const Ended counted{ended};
    for (int i = 0; i < 3 || request.follow(); ++i) {
      v1::ActivityRecord record;
      record.set_generation_id(request.filter().search() + " " + std::to_string(i));
      const absl::Status written = co_await sink.write(std::move(record));
      if (!written.ok())
        co_return written;
    }
    co_return error(v1::Failure::KIND_UNAVAILABLE, "after it");
  }

  std::atomic<int> ended{0};
};

struct RecordCollector final : RecordSink {
  Awaitable<absl::Status> write(v1::ActivityRecord record) override {
    ids.push_back(record.generation_id());
    ++taken;
    co_return ids.size() < most ? absl::OkStatus() : absl::AbortedError("enough");
  }
  std::vector<std::string> ids;
  std::atomic<int> taken{0};
  std::size_t most = 1000;
};

struct FakeKeys final : Keys {
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest& request) override {
    v1::CreateKeyReply reply;
    reply.set_secret("create " + request.name());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest& request) override {
    v1::ListKeysReply reply;
    reply.add_keys()->set_name("list " + request.workspace());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override {
    v1::Key key;
    key.set_name("get " + request.hash());
    co_return key;
  }
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest& request) override {
    v1::Key key;
    key.set_name("update " + request.hash());
    co_return key;
  }
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest& request) override {
    co_return error(v1::Failure::KIND_NOT_FOUND, "delete " + request.hash());
  }
};

struct FakeWorkspaces final : Workspaces {
  static v1::Workspace named(const std::string& name) {
    v1::Workspace workspace;
    workspace.set_name(name);
    return workspace;
  }
  Awaitable<absl::StatusOr<v1::Workspace>> create(const v1::CreateWorkspaceRequest& request) override {
    co_return named("create " + request.id() + " by " + request.api_key());
  }
  Awaitable<absl::StatusOr<v1::ListWorkspacesReply>> list(const v1::ListWorkspacesRequest& request) override {
    v1::ListWorkspacesReply reply;
    *reply.add_workspaces() = named("list by " + request.api_key());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::Workspace>> get(const v1::GetWorkspaceRequest& request) override {
    co_return named("get " + request.id());
  }
  Awaitable<absl::StatusOr<v1::Workspace>> update(const v1::UpdateWorkspaceRequest& request) override {
    co_return named("update " + request.id());
  }
  Awaitable<absl::StatusOr<v1::DeleteWorkspaceReply>> remove(const v1::DeleteWorkspaceRequest& request) override {
    co_return error(v1::Failure::KIND_NOT_FOUND, "delete " + request.id());
  }
};

struct FakeCatalog final : Catalog {
  Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) override {
    v1::ListModelsReply reply;
    reply.add_models()->set_id("listed for " + request.api_key());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) override {
    v1::Model model;
    model.set_id("got " + request.id());
    co_return model;
  }
};

struct FakeMarks final : Marks {
  Awaitable<absl::StatusOr<v1::ReportMarksReply>> report(const v1::ReportMarksRequest& request) override {
    if (request.marks_size() != 1)
      co_return error(v1::Failure::KIND_INVALID_REQUEST, "marks");
    reported = request.marks(0).upstream();
    co_return v1::ReportMarksReply();
  }
  Awaitable<absl::StatusOr<v1::ReadMarksReply>> read(const v1::ReadMarksRequest&) override {
    v1::ReadMarksReply reply;
    reply.add_marks()->set_upstream("read " + reported);
    co_return reply;
  }
  std::string reported;
};

struct FakeAdapter final : ProviderAdapter {
  Awaitable<absl::Status> send(const v1::SendRequest& request, FrameSink& sink) override {
    for (const std::string& part : {request.upstream(), request.body()}) {
      v1::Frame frame = data_frame(part);
      const absl::Status status = co_await sink.write(std::move(frame));
      if (!status.ok())
        co_return status;
    }
    co_return error(v1::Failure::KIND_OVERLOADED, "after it");
  }
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(const v1::SendRequest& request) override {
    v1::CountTokensReply reply;
    reply.set_body("count " + request.model());
    co_return reply;
  }
  Awaitable<absl::StatusOr<v1::ProbeReply>> probe(const v1::ProbeRequest& request) override {
    v1::ProbeReply reply;
    reply.set_detail("probe " + request.upstream());
    co_return reply;
  }
};

class ContractsTest : public testing::Test {
 protected:
  ContractsTest() : shards_(1) { shards_.start(); }

  std::shared_ptr<grpc::Channel> serve(grpc::Service& service) {
    server_.add(service);
    const absl::Status started = server_.start();
    EXPECT_TRUE(started.ok()) << started;
    return make_channel("127.0.0.1:" + std::to_string(server_.port()));
  }

  template <class T>
  T get(Awaitable<T> work) {
    return Task<T>(executor(), std::move(work)).get();
  }

  Executor executor() { return shards_.at(0).get_executor(); }

  Shards shards_;
  FakeLedger ledger_;
  FakeKeys keys_;
  FakeCatalog catalog_;
  FakeAdapter adapter_;
  LedgerService ledger_service_{{Shard<Ledger>{executor(), &ledger_}}};
  KeysService keys_service_{{Shard<Keys>{executor(), &keys_}}};
  ProviderAdapterService adapter_service_{{Shard<ProviderAdapter>{executor(), &adapter_}}};
  RpcServer server_{{}};
};

TEST_F(ContractsTest, Activity) {
  FakeActivity fake;
  ActivityService service({Shard<Activity>{executor(), &fake}});
  ActivityClient client(serve(service), 10s);
  v1::ActivityQuery query;
  query.set_api_key("k");
  EXPECT_EQ(get(client.query(query))->groups(0).key_name(), "query by k");
  v1::RecordsQuery records;
  records.set_cursor("c");
  EXPECT_EQ(get(client.records(records))->cursor(), "records c");
  v1::SessionsQuery sessions;
  sessions.set_cursor("d");
  EXPECT_EQ(get(client.sessions(sessions))->cursor(), "sessions d");
  v1::GenerationQuery generation;
  generation.set_generation_id("e");
  EXPECT_EQ(failure_of(get(client.generation(generation)).status()).message(), "generation e");
  v1::ExportQuery exported;
  exported.mutable_filter()->set_search("f");
  RecordCollector sink;
  EXPECT_EQ(failure_of(get(client.export_records(exported, sink))).message(), "after it");
  EXPECT_EQ(sink.ids, (std::vector<std::string>{"f 0", "f 1", "f 2"}));
  // A sink that wants no more ends the call, however long it would go on.
  exported.set_follow(true);
  sink.most = 5;
  sink.ids.clear();
  EXPECT_EQ(get(client.export_records(exported, sink)).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(sink.ids.size(), 5u);
  EXPECT_TRUE(eventually([&] { return fake.ended == 2; }));
  // The service is gone before the server.
  server_.drain(0ms);
}

// It would go on for ever; a drain of any length does not wait for it.
TEST_F(ContractsTest, AnExportThatFollowsEndsWithItsServer) {
  FakeActivity fake;
  ActivityService service({Shard<Activity>{executor(), &fake}});
  ActivityClient client(serve(service), 10s);
  v1::ExportQuery exported;
  exported.set_follow(true);
  RecordCollector sink;
  sink.most = std::numeric_limits<std::size_t>::max();
  Task<absl::Status> task(executor(), client.export_records(exported, sink));
  ASSERT_TRUE(eventually([&] { return sink.taken > 0; }));
  const auto start = SteadyClock::now();
  server_.drain(10min);
  EXPECT_LT(SteadyClock::now() - start, kPatience);
  // It writes without a pause: a write may be what is broken off.
  const absl::StatusCode code = task.get().code();
  EXPECT_TRUE(code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kCancelled) << code;
  EXPECT_EQ(fake.ended, 1);
}

TEST_F(ContractsTest, Marks) {
  FakeMarks fake;
  MarksService service({Shard<Marks>{executor(), &fake}});
  MarksClient client(serve(service), 10s);
  v1::ReportMarksRequest request;
  EXPECT_EQ(failure_of(get(client.report(request)).status()).message(), "marks");
  request.add_marks()->set_upstream("u");
  EXPECT_TRUE(get(client.report(request)).ok());
  const v1::ReadMarksRequest read;
  EXPECT_EQ(get(client.read(read))->marks(0).upstream(), "read u");
  // The service is gone before the server.
  server_.drain(0ms);
}

TEST_F(ContractsTest, Ledger) {
  LedgerClient client(serve(ledger_service_), 10s);
  v1::ReserveRequest reserve;
  reserve.set_key_hash("abc");
  EXPECT_EQ(get(client.reserve(reserve))->workspace(), "reserve abc");
  reserve.set_key_hash("spent");
  EXPECT_EQ(failure_of(get(client.reserve(reserve)).status()).http_status(), 402u);
  v1::CheckpointRequest checkpoint;
  checkpoint.set_cost_nano_usd(7);
  EXPECT_TRUE(get(client.checkpoint(checkpoint))->live());
  v1::SettleRequest settle;
  settle.set_cost_nano_usd(11);
  EXPECT_EQ(get(client.settle(settle))->cost_nano_usd(), 11);
  v1::ActivityRecord note;
  EXPECT_TRUE(get(client.note(note)).ok());
  note.set_generation_id("bad");
  EXPECT_EQ(failure_of(get(client.note(note)).status()).message(), "note bad");
}

TEST_F(ContractsTest, Keys) {
  KeysClient client(serve(keys_service_), 10s);
  v1::CreateKeyRequest create;
  create.set_name("a");
  EXPECT_EQ(get(client.create(create))->secret(), "create a");
  v1::ListKeysRequest list;
  list.set_workspace("b");
  EXPECT_EQ(get(client.list(list))->keys(0).name(), "list b");
  v1::GetKeyRequest key;
  key.set_hash("c");
  EXPECT_EQ(get(client.get(key))->name(), "get c");
  v1::UpdateKeyRequest update;
  update.set_hash("d");
  EXPECT_EQ(get(client.update(update))->name(), "update d");
  v1::DeleteKeyRequest remove;
  remove.set_hash("e");
  EXPECT_EQ(failure_of(get(client.remove(remove)).status()).message(), "delete e");
}

TEST_F(ContractsTest, Workspaces) {
  FakeWorkspaces workspaces;
  WorkspacesService service({Shard<Workspaces>{executor(), &workspaces}});
  WorkspacesClient client(serve(service), 10s);
  v1::CreateWorkspaceRequest create;
  create.set_id("a");
  create.set_api_key("k");
  EXPECT_EQ(get(client.create(create))->name(), "create a by k");
  v1::ListWorkspacesRequest list;
  list.set_api_key("k");
  EXPECT_EQ(get(client.list(list))->workspaces(0).name(), "list by k");
  v1::GetWorkspaceRequest one;
  one.set_id("c");
  EXPECT_EQ(get(client.get(one))->name(), "get c");
  v1::UpdateWorkspaceRequest update;
  update.set_id("d");
  EXPECT_EQ(get(client.update(update))->name(), "update d");
  v1::DeleteWorkspaceRequest remove;
  remove.set_id("e");
  EXPECT_EQ(failure_of(get(client.remove(remove)).status()).message(), "delete e");
  // The service is gone before the server.
  server_.drain(0ms);
}

TEST_F(ContractsTest, ProviderAdapter) {
  ProviderAdapterClient client(serve(adapter_service_));
  v1::SendRequest send;
  send.set_upstream("anthropic");
  send.set_model("m");
  send.set_body("body");
  Collector sink;
  EXPECT_EQ(failure_of(get(client.send(send, sink))).message(), "after it");
  ASSERT_EQ(sink.frames.size(), 2u);
  EXPECT_EQ(sink.frames[0].data(), "anthropic");
  EXPECT_EQ(sink.frames[1].data(), "body");
  EXPECT_EQ(get(client.count_tokens(send))->body(), "count m");
  v1::ProbeRequest probe;
  probe.set_upstream("u");
  EXPECT_EQ(get(client.probe(probe))->detail(), "probe u");
}

TEST_F(ContractsTest, Catalog) {
  CatalogService service({Shard<Catalog>{executor(), &catalog_}});
  CatalogClient client(serve(service), 10s);
  v1::ListModelsRequest list;
  list.set_api_key("k");
  EXPECT_EQ(get(client.list_models(list))->models(0).id(), "listed for k");
  v1::GetModelRequest request;
  request.set_id("x");
  EXPECT_EQ(get(client.get_model(request))->id(), "got x");
  // The service is gone before the server.
  server_.drain(0ms);
}

TEST_F(ContractsTest, CatalogTakesTheKeyFromTheMetadata) {
  CatalogService service({Shard<Catalog>{executor(), &catalog_}});
  const auto channel = serve(service);
  const auto stub = v1::Catalog::NewStub(channel);
  const auto ask = [&](const std::vector<std::pair<std::string, std::string>>& metadata, const std::string& key = "") {
    grpc::ClientContext context;
    for (const auto& [name, value] : metadata)
      context.AddMetadata(name, value);
    v1::ListModelsRequest request;
    request.set_api_key(key);
    v1::ListModelsReply reply;
    const absl::Status status = from_grpc(stub->ListModels(&context, request, &reply));
    return status.ok() ? reply.models(0).id() : std::to_string(failure_of(status).http_status());
  };
  EXPECT_EQ(ask({{"authorization", "Bearer sk-tg-v1-good"}}), "listed for sk-tg-v1-good");
  EXPECT_EQ(ask({{"x-api-key", "sk-tg-v1-good"}}), "listed for sk-tg-v1-good");
  EXPECT_EQ(ask({{"x-api-key", "sk-tg-v1-other"}}, "sk-tg-v1-own"), "listed for sk-tg-v1-own");
  EXPECT_EQ(ask({}), "listed for ");
  EXPECT_EQ(ask({{"x-api-key", "sk-tg-v1-good"}, {"authorization", "Bearer sk-tg-v1-b"}}), "401");
  server_.drain(0ms);
}

}  // namespace
}  // namespace tollgate
