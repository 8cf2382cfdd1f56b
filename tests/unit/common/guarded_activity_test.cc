// What callers may see of activity, by their keys.
#include "services/common/access/guarded_activity.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>

#include "services/common/base/digest.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct FakeKeys final : Keys {
  Awaitable<absl::StatusOr<v1::Key>> get(const v1::GetKeyRequest& request) override {
    v1::Key key;
    key.set_hash(request.hash());
    key.set_workspace("team");
    key.set_management(request.hash() == sha256_hex("manager"));
    key.set_disabled(disabled);
    if (request.hash() == sha256_hex("unknown"))
      co_return error(v1::Failure::KIND_NOT_FOUND, "no such key");
    co_return key;
  }
  Awaitable<absl::StatusOr<v1::CreateKeyReply>> create(const v1::CreateKeyRequest&) override {
    co_return v1::CreateKeyReply();
  }
  Awaitable<absl::StatusOr<v1::ListKeysReply>> list(const v1::ListKeysRequest&) override {
    co_return v1::ListKeysReply();
  }
  Awaitable<absl::StatusOr<v1::Key>> update(const v1::UpdateKeyRequest&) override { co_return v1::Key(); }
  Awaitable<absl::StatusOr<v1::DeleteKeyReply>> remove(const v1::DeleteKeyRequest&) override {
    co_return v1::DeleteKeyReply();
  }

  bool disabled = false;
};

// Remembers the filter; exports whatever it has, and does not filter at all.
struct FakeActivity final : Activity {
  template <class Reply>
  Awaitable<absl::StatusOr<Reply>> seen(v1::ActivityFilter asked) {
    ++calls;
    filter = std::move(asked);
    co_return Reply();
  }
  Awaitable<absl::StatusOr<v1::ActivityReply>> query(const v1::ActivityQuery& request) override {
    return seen<v1::ActivityReply>(request.filter());
  }
  Awaitable<absl::StatusOr<v1::RecordsReply>> records(const v1::RecordsQuery& request) override {
    return seen<v1::RecordsReply>(request.filter());
  }
  Awaitable<absl::StatusOr<v1::SessionsReply>> sessions(const v1::SessionsQuery& request) override {
    return seen<v1::SessionsReply>(request.filter());
  }
  Awaitable<absl::StatusOr<v1::ActivityRecord>> generation(const v1::GenerationQuery& request) override {
    ++calls;
    if (request.generation_id() == "gone")
      co_return error(v1::Failure::KIND_NOT_FOUND, "It was dropped.");
    v1::ActivityRecord record;
    record.set_key_id(request.generation_id());
    co_return record;
  }
  Awaitable<absl::Status> export_records(const v1::ExportQuery& request, RecordSink& sink) override {
    ++calls;
    filter = request.filter();
    for (const char* key : {"a", "b", "a"}) {
      v1::ActivityRecord record;
      record.set_key_id(sha256_hex(key));
      const absl::Status written = co_await sink.write(std::move(record));
      if (!written.ok())
        co_return written;
    }
    co_return absl::OkStatus();
  }

  int calls = 0;
  v1::ActivityFilter filter;
};

struct CountingSink final : RecordSink {
  Awaitable<absl::Status> write(v1::ActivityRecord) override {
    ++records;
    co_return absl::OkStatus();
  }
  int records = 0;
};

template <class T>
T run(Awaitable<T> call) {
  asio::io_context context;
  std::optional<T> result;
  asio::co_spawn(context.get_executor(), std::move(call),
                 [&](std::exception_ptr, T value) { result.emplace(std::move(value)); });
  context.run();
  return *std::move(result);
}

class GuardedActivityTest : public testing::Test {
 protected:
  // The status of each call with this key.
  std::vector<absl::Status> call_all(const std::string& key) {
    v1::ActivityQuery query;
    query.set_api_key(key);
    v1::RecordsQuery records;
    records.set_api_key(key);
    v1::SessionsQuery sessions;
    sessions.set_api_key(key);
    v1::GenerationQuery generation;
    generation.set_api_key(key);
    generation.set_generation_id(sha256_hex(key));
    v1::ExportQuery exported;
    exported.set_api_key(key);
    return {run(guarded_.query(query)).status(), run(guarded_.records(records)).status(),
            run(guarded_.sessions(sessions)).status(), run(guarded_.generation(generation)).status(),
            run(guarded_.export_records(exported, sink_))};
  }

  FakeKeys keys_;
  FakeActivity activity_;
  GuardedActivity guarded_{activity_, keys_};
  CountingSink sink_;
};

TEST_F(GuardedActivityTest, WithoutAUsableKeyNothingIsAsked) {
  for (const std::string key : {"", "unknown"}) {
    for (const absl::Status& status : call_all(key))
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  }
  keys_.disabled = true;
  for (const absl::Status& status : call_all("a"))
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_EQ(activity_.calls, 0);
}

TEST_F(GuardedActivityTest, AnyKeySeesItsOwn) {
  for (const absl::Status& status : call_all("a"))
    EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(activity_.calls, 5);
  // What the store gave beyond the filter stays here.
  EXPECT_EQ(sink_.records, 2);
}

TEST_F(GuardedActivityTest, WhateverTheFilterSays) {
  v1::ActivityQuery query;
  query.set_api_key("a");
  query.mutable_filter()->add_keys(sha256_hex("b"));
  query.mutable_filter()->add_workspaces("default");
  query.mutable_filter()->add_models("m");
  EXPECT_TRUE(run(guarded_.query(query)).ok());
  EXPECT_THAT(activity_.filter.keys(), ElementsAre(sha256_hex("a")));
  EXPECT_THAT(activity_.filter.workspaces(), ElementsAre("team"));
  EXPECT_THAT(activity_.filter.models(), ElementsAre("m"));
  query.set_api_key("manager");
  EXPECT_TRUE(run(guarded_.query(query)).ok());
  EXPECT_THAT(activity_.filter.keys(), ElementsAre(sha256_hex("b")));
}

TEST_F(GuardedActivityTest, AnotherKeysGenerationIsNotThere) {
  v1::GenerationQuery query;
  query.set_api_key("a");
  query.set_generation_id(sha256_hex("b"));
  const absl::Status hidden = run(guarded_.generation(query)).status();
  query.set_generation_id("gone");
  const absl::Status gone = run(guarded_.generation(query)).status();
  EXPECT_EQ(hidden.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(hidden.message(), no_such_generation(sha256_hex("b")).message());
  EXPECT_EQ(gone.message(), no_such_generation("gone").message());
  query.set_api_key("manager");
  query.set_generation_id(sha256_hex("b"));
  EXPECT_TRUE(run(guarded_.generation(query)).ok());
}

TEST_F(GuardedActivityTest, AManagerExportsAll) {
  v1::ExportQuery exported;
  exported.set_api_key("manager");
  EXPECT_TRUE(run(guarded_.export_records(exported, sink_)).ok());
  EXPECT_EQ(sink_.records, 3);
}

}  // namespace
}  // namespace tollgate
