#include "gateway/models_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/json_text.h"
#include "services/common/base/money.h"

namespace tollgate {
namespace {

Json prices(const v1::Price& price) {
  Json json;
  json["prompt"] = format_token_price(price.input());
  json["completion"] = format_token_price(price.output());
  json["input_cache_read"] = format_token_price(price.cache_read());
  json["input_cache_write"] = format_token_price(price.cache_write_5m());
  json["input_cache_write_1h"] = format_token_price(price.cache_write_1h());
  return json;
}

// At the provider that is tried first.
Json pricing(const v1::Model& model) {
  const v1::Endpoint& endpoint = model.endpoints_size() > 0 ? model.endpoints(0) : v1::Endpoint::default_instance();
  Json json = prices(endpoint.price());
  json["request"] = "0";
  // Micro-USD per thousand searches is nano-USD per search.
  json["web_search"] = format_usd(endpoint.price().web_search());
  for (const v1::PriceTier& tier : endpoint.price_tiers()) {
    Json override = prices(tier.price());
    override["min_prompt_tokens"] = tier.above_prompt_tokens();
    json["overrides"].push_back(std::move(override));
  }
  return json;
}

Json number_or_null(std::int64_t number) {
  return number > 0 ? Json(number) : Json();
}

Json model_object(const v1::Model& model) {
  std::int64_t context = 0;
  for (const v1::Endpoint& endpoint : model.endpoints())
    context = std::max(context, endpoint.context_tokens());
  const v1::Endpoint& first = model.endpoints_size() > 0 ? model.endpoints(0) : v1::Endpoint::default_instance();

  Json json;
  json["type"] = "model";
  json["object"] = "model";
  json["id"] = model.id();
  json["display_name"] = model.name();
  json["created_at"] = iso_time(model.created());
  json["canonical_slug"] = model.id();
  json["name"] = model.name();
  json["created"] = model.created();
  json["owned_by"] = model.id().substr(0, model.id().find('/'));
  json["description"] = model.description();
  json["context_length"] = number_or_null(context);
  json["architecture"]["modality"] = nullptr;
  json["architecture"]["input_modalities"] = Json::array({"text"});
  json["architecture"]["output_modalities"] = Json::array({"text"});
  json["architecture"]["tokenizer"] = model.id().starts_with("anthropic/") ? "Claude" : "Other";
  json["architecture"]["instruct_type"] = nullptr;
  json["pricing"] = pricing(model);
  json["top_provider"]["context_length"] = number_or_null(first.context_tokens());
  json["top_provider"]["max_completion_tokens"] = number_or_null(first.max_output_tokens());
  json["top_provider"]["is_moderated"] = false;
  json["per_request_limits"] = nullptr;
  // Those of the Messages API that OpenRouter has a name for.
  json["supported_parameters"] =
      Json::array({"max_tokens", "stop", "temperature", "tool_choice", "tools", "top_k", "top_p"});
  json["default_parameters"] = nullptr;
  json["supported_voices"] = nullptr;
  json["links"]["details"] = "/api/v1/models/" + model.id();
  return json;
}

}  // namespace

std::string format_token_price(std::int64_t micro_usd_per_million) {
  // Micro-USD per million tokens is pico-USD per token: twelve decimals.
  constexpr std::int64_t scale = 1'000'000'000'000;
  std::string text = fmt::format("{}.{:012}", micro_usd_per_million / scale, micro_usd_per_million % scale);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text;
}

std::string models_json(const v1::ListModelsReply& models, const Page& page) {
  const auto& all = models.models();
  const auto find = [&](const std::string& id) {
    return std::find_if(all.begin(), all.end(), [&](const v1::Model& model) { return model.id() == id; });
  };
  auto begin = all.begin();
  auto end = all.end();
  if (!page.after_id.empty()) {
    const auto after = find(page.after_id);
    begin = after == all.end() ? all.end() : after + 1;
  }
  if (!page.before_id.empty())
    end = std::max(begin, find(page.before_id));
  const auto size = static_cast<std::size_t>(end - begin);
  const bool has_more = page.limit > 0 && size > page.limit;
  if (has_more) {
    // A page before an id is the one that ends there.
    if (!page.before_id.empty())
      begin = end - static_cast<std::ptrdiff_t>(page.limit);
    else
      end = begin + static_cast<std::ptrdiff_t>(page.limit);
  }

  Json json;
  json["object"] = "list";
  json["data"] = Json::array();
  for (auto model = begin; model != end; ++model)
    json["data"].push_back(model_object(*model));
  json["has_more"] = has_more;
  json["first_id"] = begin == end ? Json() : Json(begin->id());
  json["last_id"] = begin == end ? Json() : Json((end - 1)->id());
  json["links"]["next"] = nullptr;
  json["total_count"] = all.size();
  return dump(json);
}

std::string model_json(const v1::Model& model) {
  return dump(model_object(model));
}

}  // namespace tollgate
