#include "services/common/rpc/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/common/base/errors.h"

namespace tollgate {
namespace {

// Every byte value, over and over.
std::string binary(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(i * 31 % 256);
  return bytes;
}

TEST(Status, OkStaysOk) {
  EXPECT_TRUE(to_grpc(absl::OkStatus()).ok());
  EXPECT_TRUE(from_grpc(grpc::Status::OK).ok());
}

TEST(Status, EveryCodeAndTextSurvives) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status before(static_cast<absl::StatusCode>(code), "why: \"ü\" \n \x01");
    const absl::Status after = from_grpc(to_grpc(before));
    EXPECT_EQ(after, before);
    EXPECT_EQ(static_cast<int>(to_grpc(before).error_code()), code);
  }
}

TEST(Status, FailureSurvivesByteForByte) {
  v1::Failure failure = make_failure(v1::Failure::KIND_RATE_LIMITED, "slow down");
  failure.set_body(binary(64 * 1024));
  failure.set_upstream("anthropic");
  failure.set_retry_after_ms(7000);
  add_header(failure, "retry-after", "7");
  add_header(failure, "x-odd", "\xff\xfe");
  const absl::Status before = to_status(failure);
  const absl::Status after = from_grpc(to_grpc(before));
  EXPECT_EQ(after, before);
  EXPECT_EQ(failure_of(after).SerializeAsString(), failure.SerializeAsString());
}

TEST(Status, DetailsAreReadableByOtherLanguages) {
  const grpc::Status status = to_grpc(error(v1::Failure::KIND_BUDGET, "spent"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), "spent");
  bool found = false;
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info))
      continue;
    found = true;
    EXPECT_EQ(info.reason(), "BUDGET");
    EXPECT_EQ(info.domain(), "tollgate");
  }
  EXPECT_TRUE(found);
}

TEST(Status, LongTextIsCutAtACharacterAndTheFailureKeepsIt) {
  std::string text(kMaxStatusTextBytes - 1, 'a');
  text += "\xc3\xa4 and more";
  const absl::Status after = from_grpc(to_grpc(error(v1::Failure::KIND_INTERNAL, text)));
  EXPECT_EQ(after.message(), std::string(kMaxStatusTextBytes - 1, 'a'));
  EXPECT_EQ(failure_of(after).message(), text);
}

TEST(Status, DetailsThatCannotTravelAreLeftOut) {
  v1::Failure failure = make_failure(v1::Failure::KIND_NOT_FOUND, "gone");
  failure.set_body(std::string(kMaxStatusDetailsBytes, 'x'));
  const grpc::Status status = to_grpc(to_status(failure));
  EXPECT_TRUE(status.error_details().empty());
  EXPECT_EQ(from_grpc(status), absl::NotFoundError("gone"));
}

TEST(Status, ForeignDetailsAreIgnored) {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "gone", "\xff not a message");
  EXPECT_EQ(from_grpc(status), absl::NotFoundError("gone"));
}

}  // namespace
}  // namespace tollgate
