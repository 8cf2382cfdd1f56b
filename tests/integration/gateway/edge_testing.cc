#include "tests/integration/gateway/edge_testing.h"

#include <spdlog/spdlog.h>

#include <thread>

#include "services/common/access/authenticate.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

constexpr std::chrono::seconds kPatience(10);

// Counts a call that is unwound before it has ended.
class CallGuard {
 public:
  explicit CallGuard(std::atomic<int>& cancelled) : cancelled_(cancelled) {}
  ~CallGuard() {
    if (!ended)
      ++cancelled_;
  }
  bool ended = false;

 private:
  std::atomic<int>& cancelled_;
};

Awaitable<void> pause(std::chrono::milliseconds time) {
  const Executor executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  co_await timer.async_wait(use_awaitable);
}

}  // namespace

v1::Frame head_frame(const std::string& content_type, std::vector<std::pair<std::string, std::string>> headers) {
  v1::Frame frame;
  frame.mutable_head()->set_status(200);
  headers.insert(headers.begin(), {"content-type", content_type});
  for (const auto& [name, value] : headers) {
    v1::Header* header = frame.mutable_head()->add_headers();
    header->set_name(name);
    header->set_value(value);
  }
  return frame;
}

v1::Frame data_frame(std::string bytes, bool mid_event) {
  v1::Frame frame;
  frame.set_data(std::move(bytes));
  frame.set_mid_event(mid_event);
  return frame;
}

v1::Frame keep_alive_frame() {
  v1::Frame frame;
  frame.mutable_keep_alive();
  return frame;
}

v1::Frame done_frame() {
  v1::Frame frame;
  frame.mutable_done();
  return frame;
}

Step write(v1::Frame frame) {
  return {.kind = Step::Kind::kWrite, .frame = std::move(frame)};
}
Step repeat(v1::Frame frame, int count) {
  return {.kind = Step::Kind::kRepeat, .frame = std::move(frame), .count = count};
}
Step gate() {
  return {.kind = Step::Kind::kGate};
}
Step silence() {
  return {.kind = Step::Kind::kSilence};
}
Step fail(v1::Failure failure) {
  return {.kind = Step::Kind::kReturn, .status = to_status(failure)};
}

std::vector<Step> json_reply(const std::string& body) {
  return {write(head_frame("application/json", {{"request-id", "req_fake"}, {"x-generation-id", "gen-fake"}})),
          write(data_frame(body)), write(done_frame())};
}

Awaitable<absl::Status> FakeMessages::create(v1::CreateRequest request, FrameSink& sink) {
  const int call = ++calls_;
  std::vector<Step> script;
  {
    const std::lock_guard lock(mutex_);
    script = script_;
    if (!keep_bodies_)
      request.clear_body();
    requests_.push_back(std::move(request));
  }
  CallGuard guard(cancelled_);
  absl::Status status;
  for (Step& step : script) {
    if (step.frame.has_data()) {
      std::string& data = *step.frame.mutable_data();
      if (const auto mark = data.find("{}"); mark != std::string::npos)
        data.replace(mark, 2, std::to_string(call));
    }
    status = co_await run(step, sink);
    if (!status.ok())
      break;
  }
  guard.ended = true;
  ++finished_;
  co_return status;
}

Awaitable<absl::Status> FakeMessages::run(const Step& step, FrameSink& sink) {
  switch (step.kind) {
    case Step::Kind::kWrite:
    case Step::Kind::kRepeat:
      for (int i = 0; i < step.count; ++i) {
        v1::Frame frame = step.frame;
        const absl::Status written = co_await sink.write(std::move(frame));
        if (!written.ok())
          co_return written;
        bytes_written_ += step.frame.data().size();
      }
      co_return absl::OkStatus();
    case Step::Kind::kGate:
      while (!gate_open_)
        co_await pause(std::chrono::milliseconds(1));
      co_return absl::OkStatus();
    case Step::Kind::kSilence:
      co_await pause(std::chrono::hours(1));
      co_return absl::OkStatus();
    case Step::Kind::kReturn:
      co_return step.status;
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<v1::CountTokensReply>> FakeMessages::count_tokens(v1::CreateRequest request) {
  ++calls_;
  const std::lock_guard lock(mutex_);
  requests_.push_back(std::move(request));
  co_return counted_;
}

void FakeMessages::set_script(std::vector<Step> script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

void FakeMessages::set_count_tokens(absl::StatusOr<v1::CountTokensReply> reply) {
  const std::lock_guard lock(mutex_);
  counted_ = std::move(reply);
}

std::vector<v1::CreateRequest> FakeMessages::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

v1::CreateRequest FakeMessages::last_request() const {
  const auto all = requests();
  EXPECT_FALSE(all.empty());
  return all.empty() ? v1::CreateRequest() : all.back();
}

Awaitable<absl::StatusOr<v1::ListModelsReply>> FakeCatalog::list_models(const v1::ListModelsRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  v1::ListModelsReply reply;
  for (const char* id : {"anthropic/claude-sonnet-4", "anthropic/claude-opus-4"}) {
    v1::Model* model = reply.add_models();
    model->set_id(id);
    model->set_name("Claude");
    model->set_created(1747930371);
  }
  co_return reply;
}

Awaitable<absl::StatusOr<v1::Model>> FakeCatalog::get_model(const v1::GetModelRequest& request) {
  const absl::Status refused = co_await authenticate_key(keys_, request.api_key());
  if (!refused.ok())
    co_return refused;
  if (request.id() != "anthropic/claude-sonnet-4" && request.id() != "claude-sonnet-4-20250514")
    co_return error(v1::Failure::KIND_NOT_FOUND, "No model is named \"" + request.id() + "\".");
  v1::Model model;
  model.set_id("anthropic/claude-sonnet-4");
  co_return model;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

EdgeTest::EdgeTest() {
  spdlog::set_level(spdlog::level::warn);
  config_.listen.http = "127.0.0.1:0";
}

EdgeTest::~EdgeTest() {
  shards_.stop();
}

void EdgeTest::start() {
  const EdgeServices services{.messages = &messages_,
                              .catalog = &catalog_,
                              .keys = &keys_,
                              .workspaces = &workspaces_,
                              .activity = with_activity_ ? &activity_ : nullptr,
                              .sign_ins = sign_ins_};
  edge_ = std::make_unique<Edge>(config_, shards_, std::vector<EdgeServices>(shards_.size(), services));
  const absl::Status listening = edge_->listen();
  ASSERT_TRUE(listening.ok()) << listening;
  shards_.start();
}

RawResponse EdgeTest::ask(const std::string& request) {
  RawClient client = connect();
  client.send(request);
  return client.read_response(request.starts_with("HEAD "));
}

std::string EdgeTest::post(const std::string& body, const std::string& headers) {
  return "POST /v1/messages HTTP/1.1\r\nHost: gateway\r\nx-api-key: sk-tg-v1-good\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string EdgeTest::get(const std::string& path, const std::string& headers) {
  return "GET " + path + " HTTP/1.1\r\nHost: gateway\r\n" + headers + "\r\n";
}

}  // namespace tollgate
