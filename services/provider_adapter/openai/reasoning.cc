#include "services/provider_adapter/openai/reasoning.h"

#include "services/common/base/json_writer.h"

namespace tollgate::openai {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kText = "reasoning.text";
constexpr std::string_view kSummary = "reasoning.summary";

std::string_view text_of(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

std::string_view member_of(std::string_view type) {
  return type == kText ? "text" : type == kSummary ? "summary" : "data";
}

bool signs_its_text(std::string_view format) {
  return format.starts_with("anthropic") || format.starts_with("google");
}

}  // namespace

ReasoningDetail read_detail(const dom::object& piece) {
  ReasoningDetail detail;
  detail.type = text_of(piece, "type");
  detail.text = text_of(piece, member_of(detail.type));
  detail.signature = text_of(piece, "signature");
  detail.id = text_of(piece, "id");
  detail.format = text_of(piece, "format");
  dom::element index;
  if (!piece.at_key("index").get(index) && index.is_int64())
    detail.index = simdjson::minify(index);
  return detail;
}

void ReasoningDetails::add(ReasoningDetail detail) {
  if (!details_.empty()) {
    ReasoningDetail& last = details_.back();
    const bool same = last.type == detail.type && last.index == detail.index && last.type != "reasoning.encrypted" &&
                      (detail.id.empty() || last.id.empty() || detail.id == last.id) && last.signature.empty();
    if (same) {
      last.text.append(detail.text);
      if (last.id.empty())
        last.id = std::move(detail.id);
      if (last.format.empty())
        last.format = std::move(detail.format);
      last.signature = std::move(detail.signature);
      return;
    }
  }
  details_.push_back(std::move(detail));
}

void ReasoningDetails::add_all(std::string_view json) {
  dom::parser parser;
  dom::array array;
  if (parser.parse(json.data(), json.size()).get_array().get(array))
    return;
  for (const dom::element item : array) {
    dom::object piece;
    if (!item.get_object().get(piece))
      add(read_detail(piece));
  }
}

std::string ReasoningDetails::json(bool replay) const {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const ReasoningDetail& detail : details_) {
    if (replay && detail.type == kText && detail.signature.empty() && signs_its_text(detail.format))
      continue;
    json.begin_object().member("type", detail.type).member(member_of(detail.type), detail.text);
    if (!detail.signature.empty())
      json.member("signature", detail.signature);
    if (!detail.id.empty())
      json.member("id", detail.id);
    if (!detail.format.empty())
      json.member("format", detail.format);
    if (!detail.index.empty())
      json.raw_member("index", detail.index);
    json.end_object();
  }
  json.end_array();
  return out;
}

}  // namespace tollgate::openai
