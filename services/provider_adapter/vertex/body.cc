#include "services/provider_adapter/vertex/body.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "services/common/base/errors.h"

namespace tollgate::vertex {
namespace {

using nlohmann::json;

std::string quoted(std::string_view text) {
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

v1::Edit edit_of(std::uint64_t offset, std::uint64_t length, std::string replacement) {
  v1::Edit edit;
  edit.set_offset(offset);
  edit.set_length(length);
  edit.set_replacement(std::move(replacement));
  return edit;
}

}  // namespace

absl::StatusOr<Edits> edits_for(anthropic::Call call, const v1::SendRequest& request, std::string_view version,
                                std::string_view user_profile) {
  const v1::Member* model = nullptr;
  for (const v1::Member& member : request.members()) {
    if (member.name() == "model")
      model = &member;
    if (member.name() == "anthropic_version" || member.name() == "anthropic_beta") {
      return error(v1::Failure::KIND_INVALID_REQUEST,
                   fmt::format("{}: Extra inputs are not permitted. Send the header {} instead.", member.name(),
                               member.name() == "anthropic_beta" ? "anthropic-beta" : "anthropic-version"));
    }
  }
  if (model == nullptr || model->end() > request.body().size() || model->begin() >= model->end())
    return error(v1::Failure::KIND_INTERNAL, "The request does not say where its model stands in its body.");
  std::string members = fmt::format("\"anthropic_version\":{}", quoted(version));
  if (!user_profile.empty())
    members.append(fmt::format(",\"user_profile_id\":{}", quoted(user_profile)));

  Edits edits;
  if (call == anthropic::Call::kCountTokens) {
    // The router has read the body: it is an object.
    *edits.Add() = edit_of(request.body().find('{') + 1, 0, members + ",");
    edits.MergeFrom(request.edits());
    return edits;
  }
  bool done = false;
  for (const v1::Edit& edit : request.edits()) {
    const bool of_model = edit.offset() >= model->begin() && edit.offset() + edit.length() <= model->end();
    // An edit that ends where the member begins comes before it.
    if (!done && (of_model || edit.offset() >= model->end())) {
      *edits.Add() = edit_of(model->begin(), model->end() - model->begin(), members);
      done = true;
    }
    if (!of_model)
      *edits.Add() = edit;
  }
  if (!done)
    *edits.Add() = edit_of(model->begin(), model->end() - model->begin(), members);
  return edits;
}

}  // namespace tollgate::vertex
