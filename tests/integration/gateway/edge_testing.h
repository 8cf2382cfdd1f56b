// The edge over real sockets, with scripted services behind it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/edge.h"
#include "services/common/base/errors.h"
#include "tests/integration/gateway/fake_activity.h"
#include "tests/integration/gateway/fake_keys.h"
#include "tests/integration/gateway/raw_client.h"

namespace tollgate {

v1::Frame head_frame(const std::string& content_type, std::vector<std::pair<std::string, std::string>> headers = {});
v1::Frame data_frame(std::string bytes, bool mid_event = false);
v1::Frame keep_alive_frame();
v1::Frame done_frame();

// What a fake service does, one after the other.
struct Step {
  enum class Kind {
    // Writes the frame.
    kWrite,
    // Writes the frame `count` times.
    kRepeat,
    // Waits for FakeMessages::open_gate().
    kGate,
    // Waits until it is cancelled.
    kSilence,
    // Returns `status`.
    kReturn,
  };
  Kind kind;
  v1::Frame frame = {};
  int count = 1;
  absl::Status status = {};
};

Step write(v1::Frame frame);
Step repeat(v1::Frame frame, int count);
Step gate();
Step silence();
Step fail(v1::Failure failure);

// A complete JSON response.
std::vector<Step> json_reply(const std::string& body);

// Shared by all shards: any thread.
class FakeMessages final : public Messages {
 public:
  Awaitable<absl::Status> create(v1::CreateRequest request, FrameSink& sink) override;
  Awaitable<absl::StatusOr<v1::CountTokensReply>> count_tokens(v1::CreateRequest request) override;

  // The same script for every call; `{}` in its data becomes the number of the call, from 1.
  void set_script(std::vector<Step> script);
  void set_count_tokens(absl::StatusOr<v1::CountTokensReply> reply);
  void open_gate() { gate_open_ = true; }

  std::vector<v1::CreateRequest> requests() const;
  v1::CreateRequest last_request() const;
  int calls() const { return calls_; }
  int cancelled() const { return cancelled_; }
  int finished() const { return finished_; }
  // Bytes of data frames that have been taken off its hands.
  std::uint64_t bytes_written() const { return bytes_written_; }
  // Do not keep bodies: for large ones.
  void forget_bodies() { keep_bodies_ = false; }

 private:
  Awaitable<absl::Status> run(const Step& step, FrameSink& sink);

  mutable std::mutex mutex_;
  std::vector<Step> script_ = json_reply("{\"reply\":1}");
  absl::StatusOr<v1::CountTokensReply> counted_ = v1::CountTokensReply();
  std::vector<v1::CreateRequest> requests_;
  std::atomic<bool> keep_bodies_{true};
  std::atomic<bool> gate_open_{false};
  std::atomic<int> calls_{0};
  std::atomic<int> cancelled_{0};
  std::atomic<int> finished_{0};
  std::atomic<std::uint64_t> bytes_written_{0};
};

// For the keys that FakeKeys knows.
class FakeCatalog final : public Catalog {
 public:
  Awaitable<absl::StatusOr<v1::ListModelsReply>> list_models(const v1::ListModelsRequest& request) override;
  Awaitable<absl::StatusOr<v1::Model>> get_model(const v1::GetModelRequest& request) override;

 private:
  FakeKeys keys_;
};

// Waits generously until `condition` holds.
bool eventually(const std::function<bool()>& condition);

class EdgeTest : public testing::Test {
 protected:
  EdgeTest();
  ~EdgeTest() override;

  // After the test has changed config_ as it needs.
  void start();
  RawClient connect(int receive_buffer = 0) { return RawClient(edge_->port(), receive_buffer); }
  // One request on a connection of its own.
  RawResponse ask(const std::string& request);

  // POST /v1/messages with a key.
  static std::string post(const std::string& body = "{}", const std::string& headers = "");
  static std::string get(const std::string& path, const std::string& headers = "");

  Config config_;
  FakeMessages messages_;
  FakeCatalog catalog_;
  FakeKeys keys_;
  FakeWorkspaces workspaces_;
  FakeActivity activity_;
  bool with_activity_ = true;
  SignIns* sign_ins_ = nullptr;
  Shards shards_{2};
  std::unique_ptr<Edge> edge_;
};

}  // namespace tollgate
