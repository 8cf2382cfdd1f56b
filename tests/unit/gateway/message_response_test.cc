#include "gateway/message_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "services/common/base/errors.h"

namespace tollgate {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct FakeOutput final : Output {
  Awaitable<bool> send(Gather buffers) override {
    std::string write;
    for (const asio::const_buffer& buffer : buffers)
      write.append(static_cast<const char*>(buffer.data()), buffer.size());
    writes.push_back(std::move(write));
    co_return reachable;
  }
  bool closes() const override { return close; }
  void on_complete() override { ++completed; }

  std::vector<std::string> writes;
  bool reachable = true;
  bool close = false;
  int completed = 0;
};

v1::Frame head(const std::string& type, std::vector<std::pair<std::string, std::string>> more = {}) {
  v1::Frame frame;
  frame.mutable_head()->set_status(200);
  more.insert(more.begin(), {"content-type", type});
  for (const auto& [name, value] : more) {
    v1::Header* header = frame.mutable_head()->add_headers();
    header->set_name(name);
    header->set_value(value);
  }
  return frame;
}

v1::Frame data(const std::string& bytes, bool mid_event = false) {
  v1::Frame frame;
  frame.set_data(bytes);
  frame.set_mid_event(mid_event);
  return frame;
}

v1::Frame done() {
  v1::Frame frame;
  frame.mutable_done()->set_generation_id("gen-done");
  return frame;
}

v1::Frame keep_alive() {
  v1::Frame frame;
  frame.mutable_keep_alive();
  return frame;
}

template <class T>
T run(Awaitable<T> awaitable) {
  asio::io_context context;
  std::optional<T> result;
  asio::co_spawn(context, std::move(awaitable), [&](std::exception_ptr exception, T value) {
    EXPECT_FALSE(exception);
    result = std::move(value);
  });
  context.run();
  return *std::move(result);
}

class MessageResponseTest : public testing::Test {
 protected:
  absl::Status write(v1::Frame frame) { return run(response_.write(std::move(frame))); }
  const std::vector<std::string>& writes() const { return output_.writes; }

  FakeOutput output_;
  MessageResponse response_{output_, true};
};

TEST_F(MessageResponseTest, ABodyInOnePieceIsOneWriteWithItsLength) {
  EXPECT_TRUE(write(head("application/json", {{"x-generation-id", "gen-1"}})).ok());
  EXPECT_TRUE(write(data("{\"id\":1}")).ok());
  EXPECT_THAT(writes(), IsEmpty());
  EXPECT_TRUE(response_.untouched());
  EXPECT_TRUE(write(done()).ok());
  ASSERT_THAT(writes(), SizeIs(1));
  EXPECT_THAT(writes()[0], StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(writes()[0], HasSubstr("\r\nrequest-id: gen-1\r\n"));
  EXPECT_THAT(writes()[0], EndsWith("content-length: 8\r\n\r\n{\"id\":1}"));
  EXPECT_TRUE(response_.complete());
  EXPECT_EQ(output_.completed, 1);
  EXPECT_EQ(response_.generation_id(), "gen-1");
}

TEST_F(MessageResponseTest, ABodyInTwoPiecesIsChunked) {
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_TRUE(write(data("{\"id\"")).ok());
  EXPECT_TRUE(write(data(":1}")).ok());
  EXPECT_TRUE(write(done()).ok());
  ASSERT_THAT(writes(), SizeIs(2));
  EXPECT_THAT(writes()[0], EndsWith("transfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n3\r\n:1}\r\n"));
  EXPECT_THAT(writes()[0], Not(HasSubstr("content-length")));
  EXPECT_EQ(writes()[1], "0\r\n\r\n");
}

TEST_F(MessageResponseTest, NoBodyAtAll) {
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_TRUE(write(done()).ok());
  ASSERT_THAT(writes(), SizeIs(1));
  EXPECT_THAT(writes()[0], EndsWith("content-length: 0\r\n\r\n"));
}

TEST_F(MessageResponseTest, EachEventIsOneChunkAtOnce) {
  EXPECT_TRUE(write(head("text/event-stream; charset=utf-8")).ok());
  EXPECT_TRUE(write(data("event: a\ndata: 1\n\n")).ok());
  ASSERT_THAT(writes(), SizeIs(1));
  EXPECT_THAT(writes()[0], EndsWith("transfer-encoding: chunked\r\n\r\n12\r\nevent: a\ndata: 1\n\n\r\n"));
  EXPECT_TRUE(write(data("")).ok());
  EXPECT_THAT(writes(), SizeIs(1)) << "an empty chunk would end the body";
  EXPECT_TRUE(write(data("event: b\n\n")).ok());
  EXPECT_EQ(writes()[1], "a\r\nevent: b\n\n\r\n");
  v1::Frame usage;
  usage.mutable_usage();
  EXPECT_TRUE(write(usage).ok());
  v1::Frame committed;
  committed.mutable_committed();
  EXPECT_TRUE(write(committed).ok());
  EXPECT_THAT(writes(), SizeIs(2));
  EXPECT_TRUE(write(done()).ok());
  EXPECT_EQ(writes()[2], "0\r\n\r\n");
  EXPECT_EQ(response_.generation_id(), "gen-done");
}

TEST_F(MessageResponseTest, PingsKeepAnEventStreamAlive) {
  EXPECT_TRUE(write(keep_alive()).ok());
  EXPECT_THAT(writes(), IsEmpty()) << "no head yet";
  EXPECT_TRUE(write(head("text/event-stream")).ok());
  EXPECT_TRUE(write(keep_alive()).ok());
  ASSERT_THAT(writes(), SizeIs(1));
  EXPECT_THAT(writes()[0], EndsWith("\r\n\r\n24\r\nevent: ping\ndata: {\"type\": \"ping\"}\n\n\r\n"));
  EXPECT_TRUE(write(data("event: a\nda", true)).ok());
  EXPECT_TRUE(write(keep_alive()).ok());
  EXPECT_THAT(writes(), SizeIs(2)) << "not within an event";
}

TEST_F(MessageResponseTest, NoPingsInJson) {
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_TRUE(write(keep_alive()).ok());
  EXPECT_THAT(writes(), IsEmpty());
}

TEST_F(MessageResponseTest, AFailureBetweenEventsIsAnEvent) {
  EXPECT_TRUE(write(head("text/event-stream", {{"request-id", "req_1"}})).ok());
  EXPECT_TRUE(write(data("event: a\n\n")).ok());
  EXPECT_TRUE(run(response_.end_with(make_failure(v1::Failure::KIND_OVERLOADED, "busy"))));
  ASSERT_THAT(writes(), SizeIs(3));
  EXPECT_THAT(writes()[1], HasSubstr("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                                     "\"message\":\"busy\"},\"request_id\":\"req_1\"}\n\n"));
  EXPECT_EQ(writes()[2], "0\r\n\r\n");
  EXPECT_TRUE(response_.complete());
}

TEST_F(MessageResponseTest, AFailureWithinAnEventCannotBeTold) {
  EXPECT_TRUE(write(head("text/event-stream")).ok());
  EXPECT_TRUE(write(data("event: a\nda", true)).ok());
  EXPECT_FALSE(run(response_.end_with(make_failure(v1::Failure::KIND_OVERLOADED, "busy"))));
  EXPECT_THAT(writes(), SizeIs(1));
}

TEST_F(MessageResponseTest, AFailureWithinJsonCannotBeTold) {
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_TRUE(write(data("{")).ok());
  EXPECT_TRUE(response_.untouched()) << "still held: any answer is possible";
  EXPECT_TRUE(write(data("}")).ok());
  EXPECT_FALSE(response_.untouched());
  EXPECT_FALSE(run(response_.end_with(make_failure(v1::Failure::KIND_OVERLOADED, "busy"))));
}

TEST_F(MessageResponseTest, NothingGoesToAClientThatIsGone) {
  EXPECT_TRUE(write(head("text/event-stream")).ok());
  output_.reachable = false;
  EXPECT_FALSE(write(data("event: a\n\n")).ok());
  EXPECT_FALSE(write(data("event: b\n\n")).ok());
  EXPECT_FALSE(run(response_.end_with(make_failure(v1::Failure::KIND_OVERLOADED, "busy"))));
  EXPECT_THAT(writes(), SizeIs(1));
  EXPECT_FALSE(response_.complete());
}

TEST_F(MessageResponseTest, FramesOutOfOrderAreErrors) {
  EXPECT_FALSE(write(data("a")).ok());
  EXPECT_FALSE(write(done()).ok());
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_FALSE(write(head("application/json")).ok());
  EXPECT_TRUE(write(done()).ok());
  EXPECT_FALSE(write(data("a")).ok());
  EXPECT_FALSE(write(done()).ok());
  EXPECT_THAT(writes(), SizeIs(1));
}

TEST_F(MessageResponseTest, TheLastResponseOfAConnectionSaysSo) {
  output_.close = true;
  EXPECT_TRUE(write(head("application/json")).ok());
  EXPECT_TRUE(write(done()).ok());
  EXPECT_THAT(writes()[0], HasSubstr("\r\nconnection: close\r\n"));
}

TEST(MessageResponse10, HasNoChunks) {
  FakeOutput output;
  output.close = true;
  MessageResponse response(output, false);
  EXPECT_TRUE(run(response.write(head("text/event-stream"))).ok());
  EXPECT_TRUE(run(response.write(data("event: a\n\n"))).ok());
  EXPECT_TRUE(run(response.write(data("event: b\n\n"))).ok());
  EXPECT_TRUE(run(response.write(done())).ok());
  EXPECT_THAT(output.writes[0], EndsWith("connection: close\r\n\r\nevent: a\n\n"));
  EXPECT_THAT(output.writes[0], Not(HasSubstr("transfer-encoding")));
  EXPECT_EQ(output.writes[1], "event: b\n\n");
  EXPECT_TRUE(response.complete());
}

}  // namespace
}  // namespace tollgate
