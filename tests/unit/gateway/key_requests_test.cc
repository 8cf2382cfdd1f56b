#include "gateway/key_requests.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>

#include "gateway/member_reader.h"

namespace tollgate {
namespace {

template <class Message>
Message proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

template <class Message>
void expect_equal(const absl::StatusOr<Message>& got, const std::string& expected, const std::string& about) {
  ASSERT_TRUE(got.ok()) << about << ": " << got.status();
  using google::protobuf::util::MessageDifferencer;
  EXPECT_TRUE(MessageDifferencer::Equivalent(*got, proto<Message>(expected))) << about << ":\n"
                                                                              << got->DebugString() << "instead of\n"
                                                                              << expected;
}

JsonValue json(const std::string& text) {
  const absl::StatusOr<JsonValue> value = parse_json(text);
  EXPECT_TRUE(value.ok()) << text << ": " << value.status();
  return value.value_or(JsonValue());
}

struct Row {
  std::string body;
  std::string expected;
};

TEST(KeyRequests, Create) {
  const std::string base = "name: 'ci' ";
  const std::vector<Row> rows = {
      {R"({"name":"ci"})", ""},
      {R"({"name":"ci","provider":null})", ""},
      {R"({"name":"ci","provider": {"max_price" : {"prompt":1.10}, "only":["a\"b",null], "zdr":true} })",
       R"(provider_preferences: '{"max_price":{"prompt":1.10},"only":["a\\"b",null],"zdr":true}')"},
      {R"({"name":"ci","limit":null,"limit_reset":null,"expires_at":null,"creator_user_id":null,"workspace_id":null,
          "external":null,"hold_mode":null,"allowed_models":null,"allowed_providers":null,"requests_per_minute":null,
          "tokens_per_minute":null,"include_byok_in_limit":false,"management":false})",
       "limits {} permissions {} rate_limits {}"},
      {R"({"name":"ci","limit":null})", "limits {}"},
      {R"({"name":"ci","limit":null,"limit_reset":null})", "limits {}"},
      {R"({"name":"ci","limits":null})", "limits {}"},
      {R"({"name":"ci","limits":[]})", "limits {}"},
      {R"({"name":"ci","limit":0.1})", "limits { limits { amount_nano_usd: 100000000 } }"},
      {R"({"name":"ci","limit":0})", "limits { limits {} }"},
      {R"({"name":"ci","limit":1e-9})", "limits { limits { amount_nano_usd: 1 } }"},
      {R"({"name":"ci","limit":0.000000001})", "limits { limits { amount_nano_usd: 1 } }"},
      {R"({"name":"ci","limit":9007199.254740991})", "limits { limits { amount_nano_usd: 9007199254740991 } }"},
      {R"({"name":"ci","limit":1E2,"limit_reset":"daily"})",
       "limits { limits { amount_nano_usd: 100000000000 reset: RESET_DAILY } }"},
      {R"({"name":"ci","limits":[{"limit":5,"limit_reset":"daily"},{"limit":20,"limit_reset":"weekly"},
          {"limit":50,"limit_reset":"monthly"},{"limit":100.5}]})",
       "limits { limits { amount_nano_usd: 5000000000 reset: RESET_DAILY }"
       " limits { amount_nano_usd: 20000000000 reset: RESET_WEEKLY }"
       " limits { amount_nano_usd: 50000000000 reset: RESET_MONTHLY } limits { amount_nano_usd: 100500000000 } }"},
      {R"({"name":"ci","limits":[{"limit":5,"limit_reset":null}]})",
       "limits { limits { amount_nano_usd: 5000000000 } }"},
      {R"({"name":"ci","expires_at":"2200-01-01T00:00:00Z"})", "expires_at_ms: 7258118400000"},
      {R"({"name":"ci","expires_at":"2200-01-01T00:00:00.250Z"})", "expires_at_ms: 7258118400250"},
      {R"({"name":"ci","workspace_id":"team","creator_user_id":"u","external":{"user":"x"}})",
       "workspace: 'team' creator_user_id: 'u' external_user: 'x'"},
      {R"({"name":"ci","management":true,"include_byok_in_limit":true,"hold_mode":"expected"})",
       "management: true include_byok_in_limit: true hold_mode: HOLD_MODE_EXPECTED"},
      {R"({"name":"ci","hold_mode":"strict"})", "hold_mode: HOLD_MODE_STRICT"},
      {R"({"name":"ci","allowed_models":["anthropic/*","a/b"],"allowed_providers":["anthropic"]})",
       "permissions { models: 'anthropic/*' models: 'a/b' providers: 'anthropic' }"},
      {R"({"name":"ci","requests_per_minute":60,"tokens_per_minute":1e5})",
       "rate_limits { requests_per_minute: 60 tokens_per_minute: 100000 }"},
  };
  for (const Row& row : rows)
    expect_equal(read_create_key(json(row.body)), base + row.expected, row.body);
}

TEST(KeyRequests, WhatCannotBeCreated) {
  // The message of each.
  const std::vector<Row> rows = {
      {"[]", "expected an object that describes a key, got []"},
      {"\"name\"", "expected an object that describes a key, got \"name\""},
      {"{}", "name: is missing; say what or whom the key is for"},
      {R"({"name":""})", "name: expected a text that is not empty; got \"\""},
      {R"({"name":null})", "name: expected a text that is not empty; got null"},
      {R"({"name":5})", "name: expected a text that is not empty; got 5"},
      {R"({"name":["x"]})", "name: expected a text that is not empty; got an array"},
      {R"({"name":"x","budget":5})",
       "budget: a key has no such member. Known are: name, limits, limit, limit_reset, expires_at, "
       "include_byok_in_limit, creator_user_id, workspace_id, external, management, hold_mode, provider, "
       "allowed_models, allowed_providers, requests_per_minute, tokens_per_minute."},
      // What is unknown comes first: a misspelt name is no missing one.
      {R"({"nmae":"x"})", "nmae: a key has no such member"},
      {R"({"name":"x","Limit":5})", "Limit: a key has no such member"},
      {R"({"name":"x","disabled":true})", "disabled: a key has no such member"},
      {R"({"name":"x","limit":-1})",
       "limit: expected USD from 0 to 9007199.254740992 with at most nine decimals, such "
       "as 12.5; got -1"},
      {R"({"name":"x","limit":0.0000000001})", "limit: expected USD"},
      {R"({"name":"x","limit":1e-10})", "limit: expected USD"},
      {R"({"name":"x","limit":9007199.254740993})", "limit: expected USD"},
      {R"({"name":"x","limit":1e300})", "limit: expected USD"},
      {R"({"name":"x","limit":"20"})", "limit: expected USD"},
      {R"({"name":"x","limit":true})", "limit: expected USD"},
      {R"({"name":"x","limit":[20]})", "limit: expected USD"},
      {R"({"name":"x","limit":5,"limit_reset":"yearly"})",
       "limit_reset: expected \"daily\", \"weekly\", \"monthly\" or null; got \"yearly\""},
      {R"({"name":"x","limit":5,"limit_reset":"none"})", "limit_reset: expected"},
      {R"({"name":"x","limit":5,"limit_reset":"Daily"})", "limit_reset: expected"},
      {R"({"name":"x","limit":5,"limit_reset":1})", "limit_reset: expected"},
      {R"({"name":"x","limit_reset":"daily"})",
       "limit_reset: there is no limit that could start anew; give limit, too"},
      {R"({"name":"x","limit":null,"limit_reset":"daily"})", "limit_reset: there is no limit"},
      {R"({"name":"x","limits":5})", "limits: expected a list"},
      {R"({"name":"x","limits":{"limit":5}})", "limits: expected a list"},
      {R"({"name":"x","limits":[5]})", "limits[0].expected an object"},
      {R"({"name":"x","limits":[{}]})", "limits[0].limit: is missing"},
      {R"({"name":"x","limits":[{"limit":null}]})", "limits[0].limit: expected USD"},
      {R"({"name":"x","limits":[{"limit":1},{"limit":2,"reset":"daily"}]})",
       "limits[1].reset: a limit has no such member. Known are: limit, limit_reset."},
      {R"({"name":"x","limits":[{"limit":1,"limit_reset":"daily"},{"limit":2,"limit_reset":"daily"}]})",
       "limits: there are two with limit_reset daily; give one of each"},
      {R"({"name":"x","limits":[{"limit":1},{"limit":2,"limit_reset":null}]})",
       "limits: there are two with limit_reset null"},
      {R"({"name":"x","limits":[{"limit":1}],"limit":1})", "limits: stands for itself"},
      {R"({"name":"x","limits":[],"limit_reset":null})", "limits: stands for itself"},
      {R"({"name":"x","expires_at":"2020-01-01T00:00:00Z"})", "expires_at: expected a time in the future"},
      {R"({"name":"x","expires_at":"1970-01-01T00:00:00Z"})", "expires_at: expected a time in the future"},
      {R"({"name":"x","expires_at":"2200-01-01"})", "expires_at: expected a time in the future"},
      {R"({"name":"x","expires_at":7258118400000})", "expires_at: expected a time in the future"},
      {R"({"name":"x","external":{"user":"u","api_key":"k"}})",
       "external.api_key: is not supported: Tollgate makes the secrets of its keys itself"},
      {R"({"name":"x","external":{"api_key":"k"}})", "external.api_key: is not supported"},
      {R"({"name":"x","external":{}})", "external.user: is missing"},
      {R"({"name":"x","external":{"user":""}})", "external.user: expected a text"},
      {R"({"name":"x","external":{"user":"u","more":1}})", "external.more: an external user has no such member"},
      {R"({"name":"x","external":"u"})", "external.expected an object that describes an external user, got \"u\""},
      {R"({"name":"x","creator_user_id":5})", "creator_user_id: expected a text"},
      {R"({"name":"x","workspace_id":""})", "workspace_id: expected a text"},
      {R"({"name":"x","management":"true"})", "management: expected true or false; got \"true\""},
      {R"({"name":"x","management":null})", "management: expected true or false; got null"},
      {R"({"name":"x","include_byok_in_limit":1})", "include_byok_in_limit: expected true or false; got 1"},
      {R"({"name":"x","hold_mode":"loose"})", "hold_mode: expected \"strict\", \"expected\" or null; got \"loose\""},
      {R"({"name":"x","hold_mode":""})", "hold_mode: expected"},
      {R"({"name":"x","allowed_models":[]})",
       "allowed_models: expected a list of one or more texts, or null for everything; got []"},
      {R"({"name":"x","allowed_models":"a/b"})", "allowed_models: expected a list"},
      {R"({"name":"x","allowed_models":["a/b",5]})", "allowed_models: expected a list"},
      {R"({"name":"x","allowed_providers":[""]})", "allowed_providers: expected a list"},
      {R"({"name":"x","allowed_providers":{}})", "allowed_providers: expected a list"},
      {R"({"name":"x","requests_per_minute":0})",
       "requests_per_minute: expected a positive whole number, or null for no limit; got 0"},
      {R"({"name":"x","requests_per_minute":1.5})", "requests_per_minute: expected"},
      {R"({"name":"x","tokens_per_minute":-1})", "tokens_per_minute: expected"},
      {R"({"name":"x","tokens_per_minute":1e19})", "tokens_per_minute: expected"},
      {R"({"name":"x","tokens_per_minute":"60"})", "tokens_per_minute: expected"},
  };
  for (const Row& row : rows) {
    const auto request = read_create_key(json(row.body));
    ASSERT_FALSE(request.ok()) << row.body;
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument) << row.body;
    const std::string message(request.status().message());
    EXPECT_TRUE(message.starts_with(row.expected)) << row.body << ": " << message;
  }
}

TEST(KeyRequests, Update) {
  const std::string without = "hash: 'h' permissions { models: 'a/b' } rate_limits { requests_per_minute: 60 }";
  const std::string daily =
      without + " limits { limit { amount_nano_usd: 5000000000 reset: RESET_DAILY } remaining_nano_usd: 1 }";
  const std::string two = daily + " limits { limit { amount_nano_usd: 9000000000 } }";
  struct Case {
    std::string current;
    std::string body;
    std::string expected;
  };
  const std::vector<Case> rows = {
      {two, "{}", ""},
      {two, R"({"name":"new","disabled":true,"include_byok_in_limit":false})",
       "name: 'new' disabled: true include_byok_in_limit: false"},
      {two, R"({"disabled":false,"hold_mode":null,"expires_at":null})",
       "disabled: false hold_mode: HOLD_MODE_UNSPECIFIED expires_at_ms: 0"},
      {two, R"({"expires_at":"2200-01-01T00:00:00+00:00"})", "expires_at_ms: 7258118400000"},
      // The amount, the reset, both, and away with it.
      {daily, R"({"limit":7})", "limits { limits { amount_nano_usd: 7000000000 reset: RESET_DAILY } }"},
      {daily, R"({"limit_reset":"monthly"})", "limits { limits { amount_nano_usd: 5000000000 reset: RESET_MONTHLY } }"},
      {daily, R"({"limit_reset":null})", "limits { limits { amount_nano_usd: 5000000000 } }"},
      {daily, R"({"limit":7,"limit_reset":"weekly"})",
       "limits { limits { amount_nano_usd: 7000000000 reset: RESET_WEEKLY } }"},
      {daily, R"({"limit":null})", "limits {}"},
      {daily, R"({"limit":null,"limit_reset":null})", "limits {}"},
      {without, R"({"limit":7})", "limits { limits { amount_nano_usd: 7000000000 } }"},
      {without, R"({"limit":null})", "limits {}"},
      {without, R"({"limit_reset":null})", "limits {}"},
      {two, R"({"limits":[{"limit":1}]})", "limits { limits { amount_nano_usd: 1000000000 } }"},
      {two, R"({"limits":[]})", "limits {}"},
      {two, R"({"limits":null})", "limits {}"},
      // What is not given stays.
      {two, R"({"provider":{}})", "provider_preferences: '{}'"},
      {two, R"({"provider":null})", "provider_preferences: ''"},
      {two, R"({"allowed_providers":["x"]})", "permissions { models: 'a/b' providers: 'x' }"},
      {two, R"({"allowed_models":null})", "permissions {}"},
      {two, R"({"allowed_models":["c/d","e/f"]})", "permissions { models: 'c/d' models: 'e/f' }"},
      {two, R"({"tokens_per_minute":9})", "rate_limits { requests_per_minute: 60 tokens_per_minute: 9 }"},
      {two, R"({"requests_per_minute":null})", "rate_limits {}"},
  };
  for (const Case& row : rows) {
    const auto current = proto<v1::Key>(row.current);
    expect_equal(read_update_key(json(row.body), current), "hash: 'h' " + row.expected, row.body);
  }
}

TEST(KeyRequests, WhatCannotBeUpdated) {
  const auto two = proto<v1::Key>("limits { limit { reset: RESET_DAILY } } limits { limit {} }");
  const std::vector<Row> rows = {
      {R"({"limit":5})", "limit: there are 2 limits, and this does not say which; use limits, a list of all of them"},
      {R"({"limit":null})", "limit: there are 2 limits"},
      {R"({"limit_reset":null})", "limit_reset: there are 2 limits"},
      {R"({"name":""})", "name: expected a text that is not empty"},
      {R"({"name":null})", "name: expected a text that is not empty"},
      {R"({"disabled":null})", "disabled: expected true or false"},
      {R"({"management":true})", "management: the change of a key has no such member. Known are: name, disabled,"},
      {R"({"workspace_id":"x"})", "workspace_id: the change of a key has no such member"},
      {R"({"expires_at":"2001-01-01T00:00:00Z"})", "expires_at: expected a time in the future"},
      {"[]", "expected an object"},
  };
  for (const Row& row : rows) {
    const auto request = read_update_key(json(row.body), two);
    ASSERT_FALSE(request.ok()) << row.body;
    const std::string message(request.status().message());
    EXPECT_TRUE(message.starts_with(row.expected)) << row.body << ": " << message;
  }
  const auto reset = read_update_key(json(R"({"limit_reset":"daily"})"), v1::Key());
  EXPECT_EQ(reset.status().message(), "limit_reset: there is no limit that could start anew; give limit, too");
}

TEST(KeyRequests, Workspaces) {
  expect_equal(read_create_workspace(json(R"({"id":"team","name":"The team","hold_mode":"expected",
      "limits":[{"limit":5,"limit_reset":"daily"},{"limit":50}]})")),
               "id: 'team' name: 'The team' hold_mode: HOLD_MODE_EXPECTED limits {"
               " limits { amount_nano_usd: 5000000000 reset: RESET_DAILY } limits { amount_nano_usd: 50000000000 } }",
               "all of it");
  expect_equal(read_create_workspace(json(R"({"slug":"team","limit":5,"limit_reset":"weekly"})")),
               "id: 'team' limits { limits { amount_nano_usd: 5000000000 reset: RESET_WEEKLY } }", "as OpenRouter's");
  const auto current = proto<v1::Workspace>("id: 'team' limits { limit { amount_nano_usd: 1 reset: RESET_DAILY } }");
  expect_equal(read_update_workspace(json("{}"), current), "id: 'team'", "nothing");
  expect_equal(
      read_update_workspace(json(R"({"name":"x","limit":2e-9,"hold_mode":"strict","provider":{"zdr":true}})"), current),
      "id: 'team' name: 'x' provider_preferences: '{\"zdr\":true}' hold_mode: HOLD_MODE_STRICT limits { limits { "
      "amount_nano_usd: 2 reset: "
      "RESET_DAILY } }",
      "something");
  const std::vector<Row> rows = {
      {"{}", "id: is missing"},
      {R"({"id":"a","slug":"a"})", "slug: is another name of id"},
      {R"({"id":5})", "id: expected a text"},
      {R"({"id":"a","limit":-5})", "limit: expected USD"},
      {R"({"id":"a","budget":5})",
       "budget: a workspace has no such member. Known are: id, slug, name, limits, limit, "
       "limit_reset, hold_mode, provider."},
  };
  for (const Row& row : rows) {
    const std::string message(read_create_workspace(json(row.body)).status().message());
    EXPECT_TRUE(message.starts_with(row.expected)) << row.body << ": " << message;
  }
  const auto moved = read_update_workspace(json(R"({"id":"other"})"), current);
  EXPECT_TRUE(std::string(moved.status().message()).starts_with("id: the change of a workspace has no such member"));
}

TEST(KeyRequests, AnyBytesAreReadOrRefused) {
  const std::string bodies[] = {
      R"({"name":"ci","limit":0.000000001,"limit_reset":"daily","expires_at":"2200-01-01T00:00:00.25Z","external":null})",
      R"({"name":"é","limits":[{"limit":5e-1,"limit_reset":"daily"},{"limit":1E2}],"allowed_models":["a/*"]})",
      R"({"requests_per_minute":60,"tokens_per_minute":1e5,"hold_mode":"strict","external":{"user":"u"}})"};
  const auto key = proto<v1::Key>("limits { limit { reset: RESET_DAILY } }");
  std::mt19937 random(7);
  int read = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string body = bodies[i % 3];
    for (auto changes = random() % 4; changes > 0; --changes) {
      const std::string_view bytes = R"({}[]":,.-+eE0919nulltrue\x)";
      body[random() % body.size()] = random() % 8 == 0 ? static_cast<char>(random()) : bytes[random() % bytes.size()];
    }
    const absl::StatusOr<JsonValue> value = parse_json(body);
    if (!value.ok()) {
      ASSERT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument) << body;
      continue;
    }
    for (const absl::Status& status : {read_create_key(*value).status(), read_update_key(*value, key).status(),
                                       read_create_workspace(*value).status()}) {
      read += status.ok() ? 1 : 0;
      ASSERT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument) << body << status;
      ASSERT_TRUE(status.ok() || !status.message().empty()) << body;
    }
  }
  EXPECT_GT(read, 1000);
}

TEST(KeyRequests, Times) {
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> rows = {
      {"1970-01-01T00:00:00Z", 0},
      {"2027-12-31T23:59:59Z", 1'830'297'599'000},
      {"2027-12-31T23:59:59+00:00", 1'830'297'599'000},
      {"2027-12-31T23:59:59.5Z", 1'830'297'599'500},
      {"2027-12-31T23:59:59.123456789Z", 1'830'297'599'123},
      {"2028-02-29T00:00:00Z", 1'835'395'200'000},
      {"2027-02-29T00:00:00Z", std::nullopt},
      {"2100-02-29T00:00:00Z", std::nullopt},
      {"2027-13-01T00:00:00Z", std::nullopt},
      {"2027-00-01T00:00:00Z", std::nullopt},
      {"2027-04-31T00:00:00Z", std::nullopt},
      {"2027-01-01T24:00:00Z", std::nullopt},
      {"2027-01-01T00:60:00Z", std::nullopt},
      {"2027-01-01T00:00:60Z", std::nullopt},
      {"2027-01-01T00:00Z", std::nullopt},
      {"2027-01-01T00:00:00", std::nullopt},
      {"2027-01-01T00:00:00.Z", std::nullopt},
      {"2027-01-01T00:00:00.1234567890Z", std::nullopt},
      {"2027-01-01T00:00:00z", std::nullopt},
      {"2027-01-01T00:00:00+01:00", std::nullopt},
      {"2027-01-01 00:00:00Z", std::nullopt},
      {"2027-1-1T00:00:00Z", std::nullopt},
      {"+2027-01-01T00:00:00Z", std::nullopt},
      {"-027-01-01T00:00:00Z", std::nullopt},
      {" 2027-01-01T00:00:00Z", std::nullopt},
      {"2027-01-01T00:00:00Z ", std::nullopt},
      {"", std::nullopt},
      {"tomorrow", std::nullopt},
  };
  for (const auto& [text, ms] : rows)
    EXPECT_EQ(parse_utc(text), ms) << text;
}

}  // namespace
}  // namespace tollgate
