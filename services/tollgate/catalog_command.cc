#include "services/tollgate/catalog_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "services/common/base/money.h"
#include "services/common/config/providers.h"
#include "services/common/process/process.h"
#include "services/router/catalog.h"
#include "services/router/catalog_diff.h"
#include "services/router/catalog_text.h"
#include "services/tollgate/catalog_update.h"
#include "services/tollgate/management_session.h"
#include "services/tollgate/spend_text.h"

namespace tollgate {
namespace {

using Json = nlohmann::ordered_json;
using Table = std::shared_ptr<const router::ModelTable>;

// diff(1)'s exit codes.
constexpr int kSame = 0;
constexpr int kDifferent = 1;
constexpr int kTrouble = 2;

struct Options {
  ConfigOptions config;
  bool json = false;
  bool all = false;
  std::string file;
  std::string model;
  std::string upstream;
  std::string before;
  CatalogUpdate update;
};

// With the endpoints of all upstreams that it names.
absl::StatusOr<Table> load_whole(const std::string& path) {
  const absl::StatusOr<std::string> text = router::catalog_text(path);
  if (!text.ok())
    return text.status();
  return router::ModelTable::load(path, router::catalog_upstreams(*text));
}

struct Shown {
  Table table;
  std::string text;
};

absl::StatusOr<Shown> load_shown(const Options& options) {
  std::string path = options.file;
  std::set<std::string> upstreams;
  std::map<std::string, v1::Features> features;
  if (!options.all && options.file.empty()) {
    const absl::StatusOr<Config> config = load_config(options.config, Secrets::kWithoutUpstreams);
    if (!config.ok())
      return absl::Status(config.status().code(), fmt::format("{}\n--all shows the whole built-in catalog.",
                                                              std::string(config.status().message())));
    path = config->catalog_file;
    upstreams = config->upstream_names();
    features = config->upstream_features();
  }
  absl::StatusOr<std::string> text = router::catalog_text(path);
  if (!text.ok())
    return text.status();
  if (upstreams.empty())
    upstreams = router::catalog_upstreams(*text);
  const absl::StatusOr<Table> table = router::ModelTable::load(path, upstreams, features);
  if (!table.ok())
    return table.status();
  return Shown{*table, *std::move(text)};
}

std::string usd(std::int64_t micro_usd) {
  return format_usd(micro_usd * (kNanoPerUsd / 1'000'000));
}

double usd_number(std::int64_t micro_usd) {
  return static_cast<double>(micro_usd) / 1e6;
}

Json price_json(const v1::Price& price) {
  return {{"input", usd_number(price.input())},
          {"output", usd_number(price.output())},
          {"cache_read", usd_number(price.cache_read())},
          {"cache_write_5m", usd_number(price.cache_write_5m())},
          {"cache_write_1h", usd_number(price.cache_write_1h())},
          {"web_search", usd_number(price.web_search())}};
}

Json endpoint_json(const v1::Model& model, const v1::Endpoint& endpoint) {
  Json json = {{"id", model.id()},
               {"name", model.name()},
               {"provider", endpoint.provider()},
               {"upstream", endpoint.upstream()},
               {"model", endpoint.upstream_model()},
               {"aliases", Json::array()},
               {"context_tokens", endpoint.context_tokens()},
               {"max_output_tokens", endpoint.max_output_tokens()},
               {"price_usd", price_json(endpoint.price())},
               {"price_tiers", Json::array()}};
  for (const std::string& alias : model.aliases())
    json["aliases"].push_back(alias);
  for (const v1::PriceTier& tier : endpoint.price_tiers())
    json["price_tiers"].push_back(
        {{"above_prompt_tokens", tier.above_prompt_tokens()}, {"price_usd", price_json(tier.price())}});
  return json;
}

void print_endpoint(const v1::Endpoint& endpoint, const std::string& text) {
  fmt::print("\n");
  print_row("provider", endpoint.provider());
  print_row("upstream", fmt::format("{}, as {}", endpoint.upstream(), endpoint.upstream_model()));
  print_row("context", fmt::format("{} tokens, {} of output", endpoint.context_tokens(), endpoint.max_output_tokens()));
  print_row("USD per M", router::price_text(endpoint.price()));
  for (const v1::PriceTier& tier : endpoint.price_tiers())
    print_row(fmt::format("> {}", tier.above_prompt_tokens()), router::price_text(tier.price()));
  for (const v1::PriceFactor& factor : endpoint.price_factors())
    print_row("factor", fmt::format("{} {}: x{}", v1::PriceFactor::Member_Name(factor.member()), factor.value(),
                                    static_cast<double>(factor.per_mille()) / 1000));
  std::istringstream sources(router::price_sources(text, endpoint.upstream(), endpoint.upstream_model()));
  for (std::string source; std::getline(sources, source);)
    print_row("price of", source);
}

int show_one(const Options& options, const Shown& shown) {
  const v1::Model* model = shown.table->find(options.model);
  if (model == nullptr)
    return complain(router::unknown_model(options.model, *shown.table));
  if (options.json) {
    Json json = Json::array();
    for (const v1::Endpoint& endpoint : model->endpoints())
      json.push_back(endpoint_json(*model, endpoint));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  print_row("id", model->id());
  print_row("name", model->name());
  print_row("aliases", fmt::format("{}", fmt::join(model->aliases(), ", ")));
  for (const v1::Endpoint& endpoint : model->endpoints())
    print_endpoint(endpoint, shown.text);
  return 0;
}

int show(const Options& options) {
  const absl::StatusOr<Shown> shown = load_shown(options);
  if (!shown.ok())
    return complain(shown.status());
  if (!options.model.empty())
    return show_one(options, *shown);
  Json json = Json::array();
  std::size_t endpoints = 0;
  constexpr const char* row = "{:<44}  {:<22}  {:>9}  {:>9}  {:>10}  {:>9}\n";
  if (!options.json)
    fmt::print(row, "MODEL", "UPSTREAM", "USD/M IN", "OUT", "CACHE READ", "CONTEXT");
  for (const v1::Model& model : shown->table->models()) {
    for (const v1::Endpoint& endpoint : model.endpoints()) {
      if (!options.upstream.empty() && endpoint.upstream() != options.upstream)
        continue;
      ++endpoints;
      if (options.json)
        json.push_back(endpoint_json(model, endpoint));
      else
        fmt::print(row, model.id(), endpoint.upstream(), usd(endpoint.price().input()), usd(endpoint.price().output()),
                   usd(endpoint.price().cache_read()), endpoint.context_tokens());
    }
  }
  if (options.json)
    std::cout << json.dump(2) << "\n";
  else
    fmt::print(
        "\n{} endpoints. `tollgate catalog show MODEL` tells all of one model, and where its prices come from.\n",
        endpoints);
  return 0;
}

Json change_json(const router::CatalogChange& change) {
  constexpr const char* kKinds[] = {"added", "removed", "changed"};
  return {{"change", kKinds[static_cast<int>(change.kind)]},
          {"upstream", change.upstream},
          {"model", change.model},
          {"what", change.what}};
}

void print_changes(const std::vector<router::CatalogChange>& changes, bool json) {
  if (json) {
    Json all = Json::array();
    for (const router::CatalogChange& change : changes)
      all.push_back(change_json(change));
    std::cout << all.dump(2) << "\n";
    return;
  }
  constexpr char kMarks[] = {'+', '-', '~'};
  for (const router::CatalogChange& change : changes)
    fmt::print("{} {} {}  {}\n", kMarks[static_cast<int>(change.kind)], change.upstream, change.model, change.what);
}

int diff(const Options& options) {
  const absl::StatusOr<Table> before = load_whole(options.before);
  const absl::StatusOr<Table> after = load_whole(options.file);
  for (const absl::Status& status : {before.status(), after.status()}) {
    if (!status.ok()) {
      complain(status);
      return kTrouble;
    }
  }
  const std::vector<router::CatalogChange> changes = router::difference(**before, **after);
  print_changes(changes, options.json);
  return changes.empty() ? kSame : kDifferent;
}

int update(const Options& options) {
  const std::string& out = options.update.out;
  CatalogUpdate update = options.update;
  // Beside its place: a catalog that is wrong never gets there, and a gateway that watches sees it whole.
  const std::filesystem::path fresh = std::filesystem::path(out).replace_extension(".new.jsonl");
  update.out = fresh.string();
  absl::Status status = update_catalog(update);
  absl::StatusOr<Table> made = status.ok() ? load_whole(update.out) : absl::StatusOr<Table>(status);
  const bool again = std::filesystem::exists(out);
  const absl::StatusOr<Table> before = load_whole(again ? out : "");
  std::error_code failed;
  if (made.ok()) {
    std::filesystem::rename(fresh, out, failed);
    if (failed)
      made = absl::InternalError(fmt::format("{}: {}", out, failed.message()));
  }
  if (!made.ok()) {
    std::filesystem::remove(fresh, failed);
    return complain(made.status());
  }
  // What was there before may be broken: then there is nothing to compare with.
  if (before.ok())
    print_changes(router::difference(**before, **made), options.json);
  if (!options.json)
    fmt::print("\nWritten: {} ({} models), compared with {}.\nTo serve by it: \"catalog\": {{\"file\": \"{}\"}}\n", out,
               (*made)->models().size(), again ? "what was there" : "the built-in catalog", out);
  return 0;
}

void add_show(CLI::App& command, std::function<int()>& run) {
  CLI::App& sub = *command.add_subcommand("show", "What the configuration serves, at which prices and from where");
  auto options = std::make_shared<Options>();
  add_config_options(sub, options->config, false);
  sub.add_option("model", options->model, "An id or an alias: all about this one");
  sub.add_flag("--all", options->all, "The whole built-in catalog, whatever is configured");
  sub.add_option("--file", options->file, "The whole of another catalog");
  sub.add_option("--upstream", options->upstream, "This upstream alone");
  sub.add_flag("--json", options->json, "Print JSON");
  sub.callback([&run, options] { run = [options] { return show(*options); }; });
}

void add_diff(CLI::App& command, std::function<int()>& run) {
  CLI::App& sub = *command.add_subcommand(
      "diff", "What is different in another catalog. Exit code 0: nothing; 1: something; 2: one of them is wrong");
  auto options = std::make_shared<Options>();
  sub.add_option("file", options->file, "The new catalog")->required();
  sub.add_option("--from", options->before, "The old one; default: the built-in catalog");
  sub.add_flag("--json", options->json, "Print JSON");
  sub.callback([&run, options] { run = [options] { return diff(*options); }; });
}

void add_update(CLI::App& command, std::function<int()>& run) {
  CLI::App& sub = *command.add_subcommand(
      "update", "Make a catalog from pinned npm packages and overrides, and say what changes. Needs node, npm and tar");
  auto options = std::make_shared<Options>();
  options->update.out = "catalog.jsonl";
  sub.add_option("--out", options->update.out, "The file, .jsonl; default: catalog.jsonl")
      ->check([](const std::string& path) { return path.ends_with(".jsonl") ? "" : "has to end with .jsonl"; });
  sub.add_option("--overrides", options->update.overrides, "A file of your own, read after the built-in one")
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
  sub.add_option("--pin", options->update.pins, "NAME=VERSION: another version of a package, such as pi=1.6.0")
      ->allow_extra_args(false);
  sub.add_option("--packages", options->update.packages, "A folder with the packages, unpacked, instead of npm")
      ->check(CLI::ExistingDirectory);
  sub.add_flag("--json", options->json, "Print JSON");
  sub.callback([&run, options] { run = [options] { return update(*options); }; });
}

}  // namespace

void add_catalog_command(CLI::App& app, std::function<int()>& run) {
  CLI::App& command = *app.add_subcommand("catalog", "Models, where they are served, and prices");
  command.require_subcommand(1);
  add_show(command, run);
  add_diff(command, run);
  add_update(command, run);
}

}  // namespace tollgate
