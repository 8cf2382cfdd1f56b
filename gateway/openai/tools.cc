#include "gateway/openai/tools.h"

#include <fmt/format.h>

#include "gateway/openai/parts.h"

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

// The API knows no mode for it. The clients that use it say what they want themselves; this is what makes it reliable.
constexpr std::string_view kJsonOnly =
    "Answer with one JSON object and nothing else: no text before or after it, no code fence around it.";

// Clients leave out what the API asks for: that it is an object.
std::string input_schema(const object& function) {
  const std::optional<Element> parameters = find(function, "parameters");
  object schema;
  if (!parameters || (!parameters->get_object().get(schema) && schema.size() == 0))
    return R"({"type":"object","properties":{}})";
  std::string json = json_of(*parameters);
  if (parameters->is_object() && !find(schema, "type"))
    json.replace(0, 1, R"({"type":"object",)");
  return json;
}

absl::Status write_tool(Element element, const std::string& path, JsonWriter& json) {
  object tool;
  if (element.get_object().get(tool))
    return bad(path, "expected an object");
  const std::string_view type = find_text(tool, "type").value_or("");
  if (type != "function")
    return bad(path + ".type", fmt::format("\"{}\" is no type of tool here: expected function", type));
  object function;
  const std::optional<Element> value = find(tool, "function");
  if (!value || value->get_object().get(function))
    return bad(path + ".function", "expected an object");
  const std::string_view name = find_text(function, "name").value_or("");
  if (name.empty())
    return bad(path + ".function.name", "expected a string");
  json.begin_object().member("name", name);
  if (const std::optional<Element> description = find(function, "description"))
    json.raw_member("description", json_of(*description));
  json.raw_member("input_schema", input_schema(function));
  bool strict = false;
  if (const std::optional<Element> asked = find(function, "strict"); asked && asked->get_bool().get(strict))
    return bad(path + ".function.strict", "expected true or false");
  if (strict)
    json.member("strict", true);
  if (const std::optional<Element> cache = find(tool, "cache_control"))
    json.raw_member("cache_control", json_of(*cache));
  json.end_object();
  return absl::OkStatus();
}

struct Choice {
  // Of the API: auto, any, tool, none; empty: not said.
  std::string_view type = {};
  std::string_view tool = {};
};

absl::Status read_choice(const object& request, Choice& choice) {
  const std::optional<Element> value = find(request, "tool_choice");
  if (!value)
    return absl::OkStatus();
  const std::optional<std::string_view> text = text_of(*value);
  object wanted;
  object function;
  if (text == "auto" || text == "none") {
    choice.type = *text;
  } else if (text == "required") {
    choice.type = "any";
  } else if (!value->get_object().get(wanted) && find_text(wanted, "type") == "function" &&
             !wanted["function"].get_object().get(function) && find_text(function, "name")) {
    choice = {.type = "tool", .tool = *find_text(function, "name")};
  } else {
    return bad("tool_choice",
               R"(expected "none", "auto", "required" or {"type": "function", "function": {"name": ...}})");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status write_tools(const object& request, JsonWriter& json) {
  Choice choice;
  if (absl::Status status = read_choice(request, choice); !status.ok())
    return status;
  bool parallel = true;
  if (const std::optional<Element> asked = find(request, "parallel_tool_calls");
      asked && asked->get_bool().get(parallel))
    return bad("parallel_tool_calls", "expected true or false");
  array tools;
  if (const std::optional<Element> list = find(request, "tools"); list && list->get_array().get(tools))
    return bad("tools", "expected an array");
  else if (!list || tools.size() == 0)
    return choice.type == "any" || choice.type == "tool" ? bad("tool_choice", "there are no tools to choose from")
                                                         : absl::OkStatus();
  json.key("tools").begin_array();
  std::size_t index = 0;
  for (const Element tool : tools) {
    if (absl::Status status = write_tool(tool, fmt::format("tools[{}]", index++), json); !status.ok())
      return status;
  }
  json.end_array();
  const bool single = !parallel && choice.type != "none";
  if (choice.type.empty() && !single)
    return absl::OkStatus();
  json.key("tool_choice").begin_object().member("type", choice.type.empty() ? "auto" : choice.type);
  if (!choice.tool.empty())
    json.member("name", choice.tool);
  if (single)
    json.member("disable_parallel_tool_use", true);
  json.end_object();
  return absl::OkStatus();
}

bool forces_tool(const object& request) {
  Choice choice;
  return read_choice(request, choice).ok() && (choice.type == "any" || choice.type == "tool");
}

absl::Status read_answer_form(const object& request, AnswerForm& form) {
  const std::optional<Element> value = find(request, "response_format");
  if (!value)
    return absl::OkStatus();
  object wanted;
  if (value->get_object().get(wanted))
    return bad("response_format", "expected an object");
  const std::string_view type = find_text(wanted, "type").value_or("");
  if (type == "text")
    return absl::OkStatus();
  if (type == "json_object") {
    JsonWriter json(form.instruction);
    write_text_block(kJsonOnly, json);
    return absl::OkStatus();
  }
  if (type != "json_schema")
    return bad("response_format.type", fmt::format("\"{}\": expected text, json_object or json_schema", type));
  object described;
  const std::optional<Element> member = find(wanted, "json_schema");
  std::optional<Element> schema;
  if (member && !member->get_object().get(described))
    schema = find(described, "schema");
  if (!schema)
    return bad("response_format.json_schema", "expected an object with the member schema");
  JsonWriter(form.format)
      .begin_object()
      .member("type", "json_schema")
      .raw_member("schema", json_of(*schema))
      .end_object();
  return absl::OkStatus();
}

}  // namespace tollgate::chat
