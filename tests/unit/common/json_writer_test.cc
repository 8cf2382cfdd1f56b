#include "services/common/base/json_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace tollgate {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out = "data: ";
  JsonWriter json(out);
  json.begin_object().member("a", "x").member("b", true).key("c").begin_array();
  json.begin_object().end_object().number(1).begin_array().end_array().null().boolean(false).end_array();
  json.raw_member("d", R"({"e":[1, 2]})").member("f", -3).end_object();
  EXPECT_EQ(out, R"(data: {"a":"x","b":true,"c":[{},1,[],null,false],"d":{"e":[1, 2]},"f":-3})");
}

TEST(JsonWriter, WritesEveryByteSoThatItReadsBack) {
  std::string text;
  for (int byte = 0; byte < 0x80; ++byte) {
    text += static_cast<char>(byte);
  }
  text += "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80";
  std::string out;
  JsonWriter(out).begin_object().member(text, text).end_object();
  const auto read = nlohmann::json::parse(out);
  EXPECT_EQ(read.at(text).get<std::string>(), text);
}

TEST(JsonWriter, EscapesAtAnyPlace) {
  for (const char special : {'"', '\\', '\n', '\0', '\x1f'}) {
    for (std::size_t size = 1; size <= 20; ++size) {
      for (std::size_t place = 0; place < size; ++place) {
        std::string text(size, '\x20');
        text[place] = special;
        std::string out;
        JsonWriter(out).string(text);
        EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), text);
      }
    }
  }
}

TEST(JsonWriter, JoinsAStringFromParts) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().open_string().string_part("a\"").string_part("").string_part("\nb").close_string();
  json.string("c").open_string().close_string().end_array();
  EXPECT_EQ(out, R"(["a\"\nb","c",""])");
}

TEST(JsonWriter, KeepsNumbersExact) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().number(std::numeric_limits<std::int64_t>::min()).number(std::numeric_limits<std::uint64_t>::max());
  json.number(0.1).number(1e300).number(-0.0).number(std::numeric_limits<double>::quiet_NaN()).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,0.1,1e+300,-0,null]");
}

}  // namespace
}  // namespace tollgate
