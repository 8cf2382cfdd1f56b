#include "gateway/record_response.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"
#include "tests/unit/gateway/activity_record.h"

namespace tollgate {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Takes a write when it is told to.
struct FakeOutput final : Output {
  explicit FakeOutput(asio::io_context& context) : gate(context, Timer::time_point::max()) {}
  Awaitable<bool> send(Gather buffers) override {
    EXPECT_FALSE(busy) << "two writes at once";
    busy = true;
    std::string write;
    for (const asio::const_buffer& buffer : buffers)
      write.append(static_cast<const char*>(buffer.data()), buffer.size());
    writes.push_back(std::move(write));
    if (slow)
      co_await gate.async_wait(as_tuple);
    busy = false;
    co_return reachable;
  }
  bool closes() const override { return false; }
  void on_complete() override { ++completed; }
  std::string all() const {
    std::string text;
    for (const std::string& write : writes)
      text += write;
    return text;
  }

  Timer gate;
  std::vector<std::string> writes;
  bool reachable = true;
  bool slow = false;
  bool busy = false;
  int completed = 0;
};

class RecordResponseTest : public testing::Test {
 protected:
  RecordResponse make(RecordFormat format, bool chunked = false) {
    return RecordResponse(output_, context_.get_executor(), format, chunked, "activity");
  }

  template <class T>
  T run(Awaitable<T> awaitable) {
    std::optional<T> result;
    asio::co_spawn(context_.get_executor(), std::move(awaitable),
                   [&](std::exception_ptr, T value) { result.emplace(std::move(value)); });
    context_.restart();
    context_.poll();
    EXPECT_TRUE(result.has_value());
    return *std::move(result);
  }

  std::string body() const {
    const std::string all = output_.all();
    return all.substr(all.find("\r\n\r\n") + 4);
  }

  asio::io_context context_;
  FakeOutput output_{context_};
};

TEST_F(RecordResponseTest, JsonIsWhole) {
  RecordResponse response = make(RecordFormat::kJson);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(run(response.write(full_record())).ok());
  EXPECT_TRUE(response.untouched()) << "small records are gathered";
  ASSERT_TRUE(run(response.finish()).ok());
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(output_.completed, 1);
  EXPECT_EQ(json::parse(body())["data"].size(), 3u);
  EXPECT_THAT(output_.all(), HasSubstr("content-disposition: attachment; filename=\"activity.json\"\r\n"));
}

TEST_F(RecordResponseTest, NothingIsAWholeFile) {
  RecordResponse as_json = make(RecordFormat::kJson);
  ASSERT_TRUE(run(as_json.finish()).ok());
  EXPECT_TRUE(json::parse(body())["data"].empty());
  output_.writes.clear();
  RecordResponse csv = make(RecordFormat::kCsv);
  ASSERT_TRUE(run(csv.finish()).ok());
  EXPECT_THAT(body(), StartsWith("created_at,generation_id,"));
  output_.writes.clear();
  RecordResponse lines = make(RecordFormat::kNdjson, true);
  ASSERT_TRUE(run(lines.finish()).ok());
  EXPECT_EQ(body(), "0\r\n\r\n");
}

TEST_F(RecordResponseTest, AFileGoesOutInPieces) {
  RecordResponse response = make(RecordFormat::kNdjson, true);
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(run(response.write(full_record())).ok());
  EXPECT_GT(output_.writes.size(), 10u);
  for (const std::string& write : output_.writes)
    EXPECT_LT(write.size(), 2 * RecordResponse::kPieceBytes);
  EXPECT_FALSE(response.untouched());
}

TEST_F(RecordResponseTest, CsvHasOneHeader) {
  RecordResponse response = make(RecordFormat::kCsv);
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(run(response.write(full_record())).ok());
  ASSERT_TRUE(run(response.finish()).ok());
  const std::string text = body();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST_F(RecordResponseTest, EventsGoOutAtOnce) {
  RecordResponse response = make(RecordFormat::kEvents);
  ASSERT_TRUE(run(response.begin()).ok());
  EXPECT_THAT(output_.all(), HasSubstr("content-type: text/event-stream\r\n"));
  EXPECT_THAT(output_.all(), HasSubstr("cache-control: no-store\r\n"));
  EXPECT_THAT(output_.all(), Not(HasSubstr("content-disposition")));
  ASSERT_TRUE(run(response.write(full_record())).ok());
  EXPECT_THAT(output_.writes.back(), StartsWith("event: record\nid: gen-1\ndata: {\"generation_id\":\"gen-1\""));
  EXPECT_THAT(output_.writes.back(), EndsWith("}\n\n"));
  EXPECT_TRUE(run(response.comment()));
  EXPECT_EQ(output_.writes.back(), ": still live\n\n");
  EXPECT_TRUE(run(response.end_with(make_failure(v1::Failure::KIND_UNAVAILABLE, "Bye."))));
  EXPECT_THAT(output_.writes.back(), HasSubstr("event: error\ndata: {\"error\":{\"code\":503"));
  EXPECT_TRUE(response.complete());
}

TEST_F(RecordResponseTest, AFileThatBreaksIsCut) {
  RecordResponse response = make(RecordFormat::kJson, true);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(run(response.write(full_record())).ok());
  EXPECT_FALSE(run(response.end_with(make_failure(v1::Failure::KIND_UNAVAILABLE, "Bye."))));
  EXPECT_FALSE(response.complete());
}

TEST_F(RecordResponseTest, OneWriteAtATime) {
  RecordResponse response = make(RecordFormat::kEvents, true);
  ASSERT_TRUE(run(response.begin()).ok());
  output_.slow = true;
  int records = 0;
  int beats = 0;
  asio::co_spawn(context_.get_executor(), response.comment(), [&](std::exception_ptr, bool) { ++beats; });
  context_.restart();
  context_.poll();
  asio::co_spawn(context_.get_executor(), response.write(full_record()),
                 [&](std::exception_ptr, absl::Status) { ++records; });
  context_.poll();
  // Something is on its way already.
  EXPECT_TRUE(run(response.comment()));
  EXPECT_EQ(output_.writes.size(), 2u);
  EXPECT_EQ(records, 0);
  output_.slow = false;
  output_.gate.cancel();
  context_.restart();
  context_.poll();
  EXPECT_EQ(beats, 1);
  EXPECT_EQ(records, 1);
  EXPECT_EQ(output_.writes.size(), 3u);
}

TEST_F(RecordResponseTest, AClientThatIsGone) {
  RecordResponse response = make(RecordFormat::kEvents);
  output_.reachable = false;
  EXPECT_FALSE(run(response.begin()).ok());
  EXPECT_FALSE(run(response.write(full_record())).ok());
  EXPECT_EQ(output_.writes.size(), 1u);
}

v1::ActivityRecord record_at(const std::string& id, std::int64_t created_ms) {
  v1::ActivityRecord record = full_record();
  record.set_generation_id(id);
  record.set_created_ms(created_ms);
  record.set_duration_ms(10);
  return record;
}

TEST_F(RecordResponseTest, GoesOnBehindTheLastOneSeen) {
  RecordResponse response = make(RecordFormat::kEvents);
  response.skip_until("gen-b", kRecordMs);
  for (const char* id : {"gen-a", "gen-b", "gen-c"})
    ASSERT_TRUE(run(response.write(record_at(id, kRecordMs - 1000))).ok());
  EXPECT_THAT(output_.all(), Not(HasSubstr("gen-a")));
  EXPECT_THAT(output_.all(), Not(HasSubstr("gen-b")));
  EXPECT_THAT(output_.all(), HasSubstr("gen-c"));
}

TEST_F(RecordResponseTest, ShowsWhatIsNewWhenTheLastOneSeenDoesNotCome) {
  RecordResponse response = make(RecordFormat::kEvents);
  response.skip_until("gen-x", kRecordMs);
  ASSERT_TRUE(run(response.write(record_at("gen-old", kRecordMs - 1000))).ok());
  ASSERT_TRUE(run(response.write(record_at("gen-new", kRecordMs + 1000))).ok());
  ASSERT_TRUE(run(response.write(record_at("gen-late", kRecordMs - 500))).ok());
  EXPECT_THAT(output_.all(), Not(HasSubstr("gen-old")));
  EXPECT_THAT(output_.all(), HasSubstr("gen-new"));
  EXPECT_THAT(output_.all(), HasSubstr("gen-late"));
}

}  // namespace
}  // namespace tollgate
