#include "gateway/credentials.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

struct Row {
  std::vector<HeaderField> fields;
  std::string_view key;
  bool conflict = false;
};

TEST(Credentials, TheTollgateKeyCounts) {
  const std::vector<Row> rows = {
      {{}, ""},
      {{{"x-api-key", "sk-tg-v1-a"}}, "sk-tg-v1-a"},
      {{{"X-Api-Key", "sk-tg-v1-a"}}, "sk-tg-v1-a"},
      {{{"Authorization", "Bearer sk-tg-v1-a"}}, "sk-tg-v1-a"},
      {{{"authorization", "bearer   sk-tg-v1-a"}}, "sk-tg-v1-a"},
      {{{"x-api-key", "sk-tg-v1-a"}, {"authorization", "Bearer sk-tg-v1-a"}}, "sk-tg-v1-a"},
      {{{"x-api-key", "sk-tg-v1-a"}, {"authorization", "Bearer sk-tg-v1-b"}}, "", true},
      {{{"x-api-key", "sk-ant-x"}, {"authorization", "Bearer sk-tg-v1-b"}}, "sk-tg-v1-b"},
      {{{"x-api-key", "sk-tg-v1-a"}, {"authorization", "Bearer other"}}, "sk-tg-v1-a"},
      {{{"x-api-key", "sk-ant-x"}, {"authorization", "Bearer other"}}, "other"},
      {{{"x-api-key", "sk-ant-x"}}, "sk-ant-x"},
      {{{"x-api-key", ""}, {"authorization", "Bearer sk-tg-v1-b"}}, "sk-tg-v1-b"},
      {{{"x-api-key", ""}}, ""},
      {{{"authorization", "Basic c2stdGctdjE="}}, ""},
      {{{"authorization", "Bearer"}}, ""},
      {{{"authorization", "Bearer "}}, ""},
      {{{"authorization", "sk-tg-v1-a"}}, ""},
  };
  for (const Row& row : rows) {
    RequestHead head;
    head.fields = row.fields;
    const Credentials found = find_api_key(head);
    std::string shown;
    for (const HeaderField& field : row.fields)
      shown += std::string(field.name) + ": " + std::string(field.value) + "; ";
    EXPECT_EQ(found.key, row.key) << shown;
    EXPECT_EQ(found.conflict, row.conflict) << shown;
  }
}

}  // namespace
}  // namespace tollgate
