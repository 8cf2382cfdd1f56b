// What a gRPC tool sees that knows nothing of this project: metadata as HTTP headers, health, reflection.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "services/common/base/errors.h"
#include "services/common/rpc/status.h"
#include "services/common/telemetry/trace_context.h"
#include "tests/integration/rpc/loopback.h"

namespace tollgate {
namespace {

class PlainClientTest : public Loopback {
 protected:
  std::shared_ptr<grpc::Channel> plain_channel() const {
    return grpc::CreateChannel(target(), grpc::InsecureChannelCredentials());
  }
};

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok())
    return {};
  std::string out;
  for (const grpc::Slice& slice : slices)
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

// One request, one reply of a method that may be a stream.
std::string ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto next = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  next();
  call->Write(buffer_of(request), nullptr);
  next();
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  const bool ok = next();
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return ok ? bytes_of(reply) : "no reply";
}

TEST_F(PlainClientTest, MetadataBecomesTheHeadersAndTheKey) {
  v1::CreateRequest seen;
  fake_.on_create = [&](v1::CreateRequest request, FrameSink&) -> Awaitable<absl::Status> {
    seen = std::move(request);
    co_return absl::OkStatus();
  };
  const auto stub = v1::Messages::NewStub(plain_channel());
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer sk-tg-v1-a");
  context.AddMetadata("anthropic-version", "2023-06-01");
  context.AddMetadata("x-session", "s");
  v1::CreateRequest request;
  request.set_body("{\"model\":\"m\"}");
  v1::Frame frame;
  const auto reader = stub->Create(&context, request);
  while (reader->Read(&frame)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(seen.api_key(), "sk-tg-v1-a");
  EXPECT_EQ(seen.body(), request.body());
  std::map<std::string, std::string> headers;
  for (const v1::Header& header : seen.headers())
    headers[header.name()] = header.value();
  EXPECT_EQ(headers["anthropic-version"], "2023-06-01");
  EXPECT_EQ(headers["x-session"], "s");
  EXPECT_EQ(headers.count("authorization"), 0u);
  EXPECT_THAT(headers["user-agent"], testing::HasSubstr("grpc"));
}

TEST_F(PlainClientTest, OurOwnClientAddsATraceAtMost) {
  v1::CreateRequest seen;
  fake_.on_count_tokens = [&](v1::CreateRequest request) -> Awaitable<absl::StatusOr<v1::CountTokensReply>> {
    seen = std::move(request);
    co_return v1::CountTokensReply();
  };
  v1::CreateRequest request = request_of("{}");
  v1::Header* header = request.add_headers();
  header->set_name("Anthropic-Version");
  header->set_value("2023-06-01");
  ASSERT_TRUE(count_tokens(request).get().ok());
  EXPECT_TRUE(carries_trace(seen.headers()));
  remove_trace(*seen.mutable_headers());
  EXPECT_EQ(seen.SerializeAsString(), request.SerializeAsString());
}

TEST_F(PlainClientTest, TwoKeysAreRefusedBeforeTheImplementation) {
  fake_.on_create = [](v1::CreateRequest, FrameSink&) -> Awaitable<absl::Status> {
    ADD_FAILURE();
    co_return absl::OkStatus();
  };
  const auto stub = v1::Messages::NewStub(plain_channel());
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer sk-tg-v1-a");
  context.AddMetadata("x-api-key", "sk-tg-v1-b");
  const auto reader = stub->Create(&context, v1::CreateRequest());
  const absl::Status status = from_grpc(reader->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(failure_of(status).http_status(), 401u);
}

// Wire formats: grpc.health.v1 (HealthCheckResponse.status = 1) and grpc.reflection.v1alpha (list_services = 7).
TEST_F(PlainClientTest, HealthSaysServing) {
  EXPECT_EQ(ask(plain_channel(), "/grpc.health.v1.Health/Check", ""), "\x08\x01");
}

TEST_F(PlainClientTest, ReflectionListsTheServices) {
  const std::string request("\x3a\x00", 2);
  const std::string reply =
      ask(plain_channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", request);
  EXPECT_THAT(reply, testing::HasSubstr("tollgate.v1.Messages"));
  EXPECT_THAT(reply, testing::HasSubstr("grpc.health.v1.Health"));
}

}  // namespace
}  // namespace tollgate
