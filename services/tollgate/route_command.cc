#include "services/tollgate/route_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "services/common/base/money.h"
#include "services/common/process/process.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/routing_rpc.h"
#include "services/router/explain.h"
#include "services/tollgate/management_session.h"
#include "services/tollgate/run_to_end.h"

namespace tollgate {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kDeadline{5000};
constexpr const char* kKeyVariable = "TOLLGATE_API_KEY";

struct Options {
  ConfigOptions config;
  bool json = false;
  std::string server;
  std::string model;
  std::vector<std::string> fallbacks;
  std::string provider;
  std::vector<std::string> parameters;
  std::int64_t prompt_tokens = 0;
  std::int64_t max_tokens = 0;
};

v1::ExplainRequest request_of(const Options& options) {
  v1::ExplainRequest request;
  request.set_model(options.model);
  request.mutable_models()->Assign(options.fallbacks.begin(), options.fallbacks.end());
  request.set_provider_preferences(options.provider);
  request.mutable_parameters()->Assign(options.parameters.begin(), options.parameters.end());
  request.set_prompt_tokens(options.prompt_tokens);
  request.set_max_tokens(options.max_tokens);
  return request;
}

absl::StatusOr<v1::ExplainReply> ask_server(const Options& options) {
  const char* key = std::getenv(kKeyVariable);
  if (key == nullptr)
    return absl::InvalidArgumentError(fmt::format("--server: set {} to a key of that gateway", kKeyVariable));
  v1::ExplainRequest request = request_of(options);
  request.set_api_key(key);
  asio::io_context context;
  // A reply comes from a thread of gRPC's: until then there is nothing to run.
  const auto work = asio::make_work_guard(context);
  RoutingClient routing(make_channel(options.server), kDeadline);
  return run_to_end(context, routing.explain(request));
}

absl::StatusOr<v1::ExplainReply> ask_catalog(const Options& options) {
  const absl::StatusOr<Config> config = load_config(options.config, Secrets::kWithoutUpstreams);
  if (!config.ok())
    return config.status();
  const auto models =
      router::ModelTable::load(config->catalog_file, config->upstream_names(), config->upstream_features());
  if (!models.ok())
    return models.status();
  return router::explain(request_of(options), **models, {}, {}, router::NoHealth());
}

Json candidate_json(const v1::ExplainedCandidate& candidate) {
  Json json = {{"model", candidate.model()},
               {"provider", candidate.provider()},
               {"first_probability", candidate.first_probability()},
               {"expected_cost", to_usd(candidate.expected_cost_nano_usd())},
               {"outage", candidate.outage()},
               {"slow", candidate.slow()},
               {"incapable", candidate.incapable()},
               {"output_tokens_per_second", nullptr},
               {"first_token_ms", nullptr}};
  if (candidate.has_output_tokens_per_second())
    json["output_tokens_per_second"] = candidate.output_tokens_per_second();
  if (candidate.has_first_token_ms())
    json["first_token_ms"] = candidate.first_token_ms();
  return json;
}

void print_json(const v1::ExplainReply& reply, bool live) {
  Json candidates = Json::array();
  for (const v1::ExplainedCandidate& candidate : reply.candidates())
    candidates.push_back(candidate_json(candidate));
  Json excluded = Json::array();
  for (const v1::ExplainedExclusion& exclusion : reply.excluded())
    excluded.push_back({{"model", exclusion.model()}, {"provider", exclusion.provider()}, {"by", exclusion.by()}});
  const Json json = {{"source", live ? "server" : "catalog"},
                     {"allow_fallbacks", reply.fallbacks()},
                     {"candidates", candidates},
                     {"excluded", excluded}};
  std::cout << json.dump(2) << "\n";
}

std::string health_text(const v1::ExplainedCandidate& candidate) {
  std::string text = candidate.outage() ? "outage" : "ok";
  if (candidate.has_output_tokens_per_second())
    text += fmt::format(", {:.0f} tokens/s", candidate.output_tokens_per_second());
  if (candidate.has_first_token_ms())
    text += fmt::format(", {:.0f} ms to the first", candidate.first_token_ms());
  if (candidate.slow())
    text += ", misses a preferred speed";
  if (candidate.incapable())
    text += ", does not take the whole request";
  return text;
}

void print_text(const v1::ExplainReply& reply, bool live) {
  constexpr const char* row = "{:<28}  {:<36}  {:>7}  {:>14}  {}\n";
  fmt::print(row, "PROVIDER", "MODEL", "FIRST", "EXPECTED COST", live ? "HEALTH" : "");
  for (const v1::ExplainedCandidate& candidate : reply.candidates())
    fmt::print(row, candidate.provider(), candidate.model(),
               fmt::format("{:.1f} %", 100 * candidate.first_probability()),
               "$" + format_usd(candidate.expected_cost_nano_usd()),
               live || candidate.incapable() ? health_text(candidate) : "");
  for (const v1::ExplainedExclusion& exclusion : reply.excluded())
    fmt::print("{:<28}  {:<36}  excluded by {}\n", exclusion.provider(), exclusion.model(), exclusion.by());
  if (reply.candidates().empty())
    fmt::print("\nNobody is left: such a request is refused.\n");
  else if (!reply.fallbacks())
    fmt::print("\nWithout fallbacks: only the first is tried.\n");
  if (!live)
    fmt::print(
        "\nBy the catalog alone: health, and the permissions and preferences of keys, are known to a running\n"
        "gateway; --server asks one.\n");
}

int explain(const Options& options) {
  const bool live = !options.server.empty();
  const absl::StatusOr<v1::ExplainReply> reply = live ? ask_server(options) : ask_catalog(options);
  if (!reply.ok())
    return complain(reply.status());
  if (options.json)
    print_json(*reply, live);
  else
    print_text(*reply, live);
  return reply->candidates().empty() ? 1 : 0;
}

}  // namespace

void add_route_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("route", "How requests find their provider");
  command.require_subcommand(1);
  CLI::App& sub = *command.add_subcommand(
      "explain", "Who would be tried, how probably first, and what excludes the others. Exit code 1: nobody is left");
  auto options = std::make_shared<Options>();
  add_config_options(sub, options->config, false);
  sub.add_option("--model", options->model, "As a request names it: with an alias, :nitro or :floor")->required();
  sub.add_option("--fallback", options->fallbacks, "A further model to try; several times")->allow_extra_args(false);
  sub.add_option("--provider", options->provider, "Preferences: a JSON object like a request's \"provider\"");
  sub.add_option("--parameter", options->parameters, "A member that the request has, such as tools; several times")
      ->allow_extra_args(false);
  sub.add_option("--prompt-tokens", options->prompt_tokens, "Of the prompt; default: 1000")->check(CLI::PositiveNumber);
  sub.add_option("--max-tokens", options->max_tokens, "As in the request")->check(CLI::PositiveNumber);
  sub.add_option("--server", options->server,
                 fmt::format("Ask the gateway at this gRPC address, with the key in {}", kKeyVariable));
  sub.add_flag("--json", options->json, "Print JSON");
  sub.callback([&run, options] { run = [options] { return explain(*options); }; });
}

}  // namespace tollgate
