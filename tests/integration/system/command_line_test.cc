// Keys and workspaces from the command line, in both forms: against Redis, and by way of the budget service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/system/suite.h"

namespace tollgate::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandLineTest : public ::testing::TestWithParam<Form> {
 protected:
  json run(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    return json::parse(suite_.tollgate(std::move(arguments)));
  }
  // What is printed when it goes wrong, which it must.
  std::string complaint(std::vector<std::string> arguments) {
    int code = 0;
    std::string output = suite_.tollgate(std::move(arguments), &code);
    EXPECT_NE(code, 0) << output;
    return output;
  }

  Suite suite_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(, CommandLineTest, ::testing::Values(Form::kOneProcess, Form::kFiveProcesses),
                         [](const auto& form) { return name_of(form.param); });

TEST_P(CommandLineTest, Keys) {
  json key = run({"key",           "create",      "--name",           "ci",        "--limit",       "5/daily",
                  "--limit",       "100/monthly", "--hold-mode",      "expected",  "--allow-model", "anthropic/*",
                  "--allow-model", "a/b",         "--allow-provider", "anthropic", "--rpm",         "60",
                  "--tpm",         "100000",      "--expires-days",   "30"});
  EXPECT_EQ(key.at("secret").get<std::string>().size(), std::string("sk-tg-v1-").size() + 64);
  EXPECT_EQ(key.at("limits").size(), 2u);
  EXPECT_EQ(key.at("limit"), 5);
  EXPECT_EQ(key.at("hold_mode"), "expected");
  EXPECT_EQ(key.at("allowed_models"), json({"anthropic/*", "a/b"}));
  EXPECT_EQ(key.at("allowed_providers"), json({"anthropic"}));
  EXPECT_EQ(key.at("requests_per_minute"), 60);
  EXPECT_EQ(key.at("tokens_per_minute"), 100'000);
  EXPECT_TRUE(key.at("expires_at").is_string());
  EXPECT_EQ(key.at("management"), false);

  // Only what is given changes.
  key = run({"key", "update", "ci", "--limit", "7", "--reset", "weekly", "--rpm", "0", "--allow-provider", "all",
             "--expires-days", "0", "--hold-mode", "workspace"});
  EXPECT_EQ(key.at("limits").size(), 1u);
  EXPECT_EQ(key.at("limit"), 7);
  EXPECT_EQ(key.at("limit_reset"), "weekly");
  EXPECT_TRUE(key.at("requests_per_minute").is_null());
  EXPECT_EQ(key.at("tokens_per_minute"), 100'000);
  EXPECT_EQ(key.at("allowed_models").size(), 2u);
  EXPECT_TRUE(key.at("allowed_providers").is_null());
  EXPECT_TRUE(key.at("expires_at").is_null());
  EXPECT_TRUE(key.at("hold_mode").is_null());
  key = run({"key", "update", "ci", "--name", "renamed", "--limit", "none"});
  EXPECT_TRUE(key.at("limits").empty());
  EXPECT_EQ(run({"key", "update", "renamed"}).at("name"), "renamed");

  EXPECT_EQ(run({"key", "disable", "renamed"}).at("disabled"), true);
  EXPECT_EQ(run({"key", "enable", "renamed"}).at("disabled"), false);
  EXPECT_EQ(run({"key", "show", key.at("hash").get<std::string>().substr(0, 8)}).at("name"), "renamed");
  EXPECT_EQ(run({"key", "create", "--name", "boss", "--management"}).at("management"), true);
  EXPECT_EQ(run({"key", "delete", "renamed"}).at("deleted"), true);
  EXPECT_THAT(complaint({"key", "show", "renamed"}), HasSubstr("no key has the name, label or hash \"renamed\""));
}

TEST_P(CommandLineTest, PreferencesOfKeysAndWorkspaces) {
  EXPECT_EQ(run({"workspace", "create", "team", "--provider", R"({"zdr":true})"}).at("provider"),
            json({{"zdr", true}}));
  const json key = run({"key", "create", "--name", "ci", "--workspace", "team", "--provider", R"({"ignore":["a"]})"});
  EXPECT_EQ(key.at("provider"), json({{"ignore", {"a"}}}));
  HttpExchange refused = suite_.message(key.at("secret"), false);
  EXPECT_EQ(refused.status(), 404u);
  EXPECT_THAT(refused.body(), HasSubstr("provider.zdr excludes u0. The defaults of the key and its workspace count"));
  EXPECT_TRUE(run({"workspace", "update", "team", "--provider", ""}).at("provider").is_null());
  EXPECT_EQ(suite_.message(key.at("secret"), false).status(), 200u);
  EXPECT_TRUE(run({"key", "update", "ci", "--provider", ""}).at("provider").is_null());
  EXPECT_THAT(complaint({"key", "update", "ci", "--provider", R"({"zdr":1})"}),
              HasSubstr("provider.zdr: expected true or false"));
}

TEST_P(CommandLineTest, RouteExplain) {
  const json found = run({"route", "explain", "--model", "model:floor", "--max-tokens", "10"});
  EXPECT_EQ(found.at("source"), "catalog");
  ASSERT_EQ(found.at("candidates").size(), 1u);
  EXPECT_EQ(found.at("candidates")[0].at("model"), "test/model");
  EXPECT_EQ(found.at("candidates")[0].at("provider"), "u0");
  EXPECT_EQ(found.at("candidates")[0].at("first_probability"), 1.0);
  EXPECT_TRUE(found.at("excluded").empty());
  int exit_code = 0;
  const std::string text = suite_.tollgate(
      {"route", "explain", "--model", "model", "--provider", R"({"data_collection":"deny"})"}, &exit_code);
  EXPECT_EQ(exit_code, 1);
  EXPECT_THAT(text, HasSubstr("excluded by provider.data_collection (deny)"));
  EXPECT_THAT(text, HasSubstr("By the catalog alone"));
  EXPECT_THAT(complaint({"route", "explain", "--model", "nope"}), HasSubstr("nope is not in the catalog"));
}

// Who asked what: the same in every shape, and as it comes.
TEST_P(CommandLineTest, Activity) {
  const std::string ci = suite_.create_key("ci");
  suite_.create_key("idle");
  EXPECT_EQ(run({"activity"}).at("total").at("requests"), 0);
  EXPECT_EQ(suite_.message(ci, false).status(), 200u);
  EXPECT_TRUE(suite_.message(ci, true).read_until("message_stop"));
  // The record comes with the settlement, which follows the last byte.
  json sums;
  EXPECT_TRUE(wait_until([&] {
    sums = run({"activity", "--by", "key,model", "--since", "1h"});
    return sums.at("total").at("requests") == 2;
  }));
  ASSERT_EQ(sums.at("data").size(), 1u);
  EXPECT_EQ(sums.at("data")[0].at("key_name"), "ci");
  EXPECT_EQ(sums.at("data")[0].at("by").at("model"), "test/model");
  EXPECT_EQ(sums.at("total").at("cost"), suite_.key("ci").at("usage"));
  EXPECT_EQ(run({"activity", "--key", "idle"}).at("total").at("requests"), 0);

  const std::string table = suite_.tollgate({"activity", "--by", "key", "--interval", "day"});
  EXPECT_THAT(table, HasSubstr("DAY         KEY"));
  EXPECT_THAT(table, HasSubstr("\ntotal "));
  const std::string records = suite_.tollgate({"activity", "--records", "--limit", "1"});
  EXPECT_EQ(std::count(records.begin(), records.end(), '\n'), 2);
  const std::string file = suite_.tollgate({"activity", "--records", "--csv"});
  EXPECT_EQ(std::count(file.begin(), file.end(), '\n'), 3);
  EXPECT_THAT(suite_.tollgate({"activity", "--csv"}), HasSubstr("model,requests,"));

  EXPECT_THAT(complaint({"activity", "--since", "soon"}), HasSubstr("--since: expected a time"));
  EXPECT_THAT(complaint({"activity", "--by", "mood"}), HasSubstr("--by: expected some of key"));
  EXPECT_THAT(complaint({"activity", "--status", "bad"}), HasSubstr("--status: expected 200"));
  EXPECT_THAT(complaint({"activity", "--by", "key", "--follow"}), HasSubstr("--follow"));
}

TEST_P(CommandLineTest, Workspaces) {
  json team = run({"workspace", "create", "team", "--name", "The team", "--limit", "100/monthly", "--limit", "500",
                   "--hold-mode", "expected"});
  EXPECT_EQ(team.at("id"), "team");
  EXPECT_EQ(team.at("name"), "The team");
  EXPECT_EQ(team.at("limits").size(), 2u);
  EXPECT_EQ(team.at("hold_mode"), "expected");
  team = run({"workspace", "update", "team", "--limit", "20/daily"});
  EXPECT_EQ(team.at("limits").size(), 1u);
  EXPECT_EQ(team.at("name"), "The team");
  EXPECT_EQ(team.at("hold_mode"), "expected");

  // A key is found in whatever workspace it is.
  EXPECT_EQ(run({"key", "create", "--name", "ci", "--workspace", "team"}).at("workspace_id"), "team");
  run({"key", "create", "--name", "other"});
  EXPECT_EQ(run({"key", "list"}).size(), 2u);
  EXPECT_EQ(run({"key", "list", "--workspace", "team"}).size(), 1u);
  EXPECT_EQ(run({"key", "show", "ci"}).at("workspace_id"), "team");
  EXPECT_EQ(run({"workspace", "show", "team"}).at("keys"), 1);
  EXPECT_EQ(run({"workspace", "list"}).size(), 2u);

  EXPECT_THAT(complaint({"workspace", "delete", "team"}), HasSubstr("team"));
  run({"key", "delete", "ci"});
  EXPECT_EQ(run({"workspace", "delete", "team"}).at("deleted"), true);
  EXPECT_THAT(complaint({"workspace", "show", "team"}), HasSubstr("There is no workspace \"team\"."));
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--workspace", "team"}), HasSubstr("team"));
  EXPECT_THAT(complaint({"workspace", "create", "default"}), HasSubstr("default"));
}

TEST_P(CommandLineTest, ForPeople) {
  suite_.tollgate({"workspace", "create", "team", "--limit", "20/daily"});
  const std::string made =
      suite_.tollgate({"key", "create", "--name", "ci", "--workspace", "team", "--limit", "5/daily", "--limit", "100"});
  EXPECT_THAT(made, HasSubstr("This is the only time that the key is shown."));
  EXPECT_THAT(made, HasSubstr("limit      $5 daily: $0 spent, $5 left, anew at "));
  EXPECT_THAT(made, HasSubstr("limit      $100: $0 spent, $100 left\n"));
  EXPECT_THAT(suite_.tollgate({"key", "list"}), HasSubstr("$100 of $100, $5 of $5 daily"));
  EXPECT_THAT(suite_.tollgate({"key", "show", "ci"}), Not(HasSubstr("only time")));
  EXPECT_THAT(suite_.tollgate({"workspace", "list"}), HasSubstr("$20 of $20 daily"));
  EXPECT_THAT(suite_.tollgate({"workspace", "show", "team"}), HasSubstr("hold mode  strict"));
}

TEST_P(CommandLineTest, WhatIsWrongIsSaid) {
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--limit", "5/yearly"}), HasSubstr("--limit"));
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--limit", "5", "--limit", "6"}), HasSubstr("two"));
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--reset", "daily"}), HasSubstr("--reset"));
  EXPECT_THAT(complaint({"key", "create", "--name", ""}), HasSubstr("name"));
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--rpm", "-1"}), HasSubstr("--rpm"));
  EXPECT_THAT(complaint({"key", "create", "--name", "x", "--budget", "5"}), HasSubstr("--budget"));
  EXPECT_THAT(complaint({"workspace", "create", "a b"}), HasSubstr("letters, digits"));
  suite_.tollgate({"key", "create", "--name", "twice"});
  suite_.tollgate({"key", "create", "--name", "twice"});
  EXPECT_THAT(complaint({"key", "delete", "twice"}), HasSubstr("2 keys are named \"twice\": give the hash"));
}

TEST(CommandLine, ExplainingARouteNeedsNoSecretOfAnUpstream) {
  TemporaryDirectory directory;
  const std::string file = directory.write("tollgate.json", R"({"upstreams": {"anthropic": {
    "url": "https://api.anthropic.com", "api_key": "${TOLLGATE_TEST_IS_NOT_SET}"}}})");
  Process process({program("tollgate"), "route", "explain", "--model", "claude-sonnet-4-5", "--config", file});
  EXPECT_EQ(process.wait(), 0) << process.standard_error();
  EXPECT_THAT(process.standard_output(), HasSubstr("anthropic"));
}

}  // namespace
}  // namespace tollgate::testing
