#include "services/router/explain.h"

#include <algorithm>

#include "services/common/access/authenticate.h"
#include "services/common/base/errors.h"
#include "services/router/ordering.h"

namespace tollgate::router {
namespace {

constexpr std::int64_t kPromptTokens = 1000;
constexpr std::int64_t kMostPromptTokens = 100'000'000;
// As the router guesses them from a body.
constexpr std::int64_t kBytesPerToken = 4;

absl::StatusOr<SelectionAsk> asked(const v1::ExplainRequest& request, const ModelTable& models,
                                   const std::vector<std::string>& defaults) {
  if (request.prompt_tokens() < 0 || request.prompt_tokens() > kMostPromptTokens || request.max_tokens() < 0)
    return error(v1::Failure::KIND_INVALID_REQUEST,
                 "prompt_tokens, max_tokens: expected numbers of tokens, a hundred million of the prompt at most");
  RequestScan scan;
  scan.model = request.model();
  scan.models.assign(request.models().begin(), request.models().end());
  scan.parameters.assign(request.parameters().begin(), request.parameters().end());
  if (request.max_tokens() > 0)
    scan.max_tokens = request.max_tokens();
  std::vector<std::string> all = {request.provider_preferences()};
  all.insert(all.end(), defaults.begin(), defaults.end());
  for (const std::string& json : all) {
    if (json.empty())
      continue;
    const absl::StatusOr<ProviderPreferences> preferences = parse_preferences(json, "provider");
    if (!preferences.ok())
      return preferences.status();
    scan.provider = merge_preferences(scan.provider, *preferences);
  }
  absl::StatusOr<SelectionAsk> ask = selection_ask(scan, models);
  if (ask.ok()) {
    const std::int64_t tokens = request.prompt_tokens() > 0 ? request.prompt_tokens() : kPromptTokens;
    ask->cost.body_bytes = static_cast<std::size_t>(tokens * kBytesPerToken);
  }
  return ask;
}

void add_candidate(const Standing& standing, double first, const EndpointHealth& health, v1::ExplainReply& reply) {
  const v1::Endpoint& endpoint = *standing.candidate.endpoint;
  v1::ExplainedCandidate& out = *reply.add_candidates();
  out.set_model(standing.candidate.model->id());
  out.set_provider(endpoint.provider());
  out.set_expected_cost_nano_usd(standing.cost_nano_usd);
  out.set_first_probability(first);
  out.set_outage(standing.outage);
  if (const std::optional<double> median = health.throughput(endpoint, 50))
    out.set_output_tokens_per_second(*median);
  if (const std::optional<double> median = health.latency_ms(endpoint, 50))
    out.set_first_token_ms(*median);
  out.set_slow(standing.slow);
  out.set_incapable(standing.incapable);
}

}  // namespace

absl::StatusOr<v1::ExplainReply> explain(const v1::ExplainRequest& request, const ModelTable& models,
                                         const v1::Permissions& permissions, const std::vector<std::string>& defaults,
                                         const EndpointHealth& health) {
  const absl::StatusOr<SelectionAsk> ask = asked(request, models, defaults);
  if (!ask.ok())
    return ask.status();
  const Filtered filtered = filter_candidates(*ask, permissions);
  const auto nowhere = [](const Candidate&) { return false; };
  std::vector<Standing> standing = standings(*ask, filtered.candidates, health, nowhere);
  // The middle of every draw: what is drawn stands in the order of its weights.
  put_in_order(standing, health, [] { return 0.5; });
  const std::vector<double> first = first_probabilities(standing, health);
  v1::ExplainReply reply;
  reply.set_fallbacks(ask->preferences.allow_fallbacks);
  for (std::size_t i = 0; i < standing.size(); ++i)
    add_candidate(standing[i], first[i], health, reply);
  for (const Exclusion& exclusion : filtered.excluded) {
    v1::ExplainedExclusion& out = *reply.add_excluded();
    out.set_model(exclusion.candidate.model->id());
    out.set_provider(exclusion.candidate.endpoint->provider());
    out.set_by(exclusion.what);
  }
  return reply;
}

std::vector<std::string> default_preferences(const v1::Key& key) {
  std::vector<std::string> out;
  for (const std::string* json : {&key.provider_preferences(), &key.workspace_provider_preferences()}) {
    if (!json->empty())
      out.push_back(*json);
  }
  return out;
}

Awaitable<absl::StatusOr<v1::ExplainReply>> Explainer::explain(const v1::ExplainRequest& request) {
  const absl::StatusOr<v1::Key> key = co_await authenticated_key(keys_, request.api_key());
  if (!key.ok())
    co_return key.status();
  const std::vector<std::string> defaults = default_preferences(*key);
  const std::shared_ptr<const ModelTable> models = models_.get();
  co_return router::explain(request, *models, key->permissions(), defaults, *health_);
}

}  // namespace tollgate::router
