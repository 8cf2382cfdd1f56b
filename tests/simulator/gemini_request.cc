#include "tests/simulator/gemini_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "services/common/base/digest.h"

namespace tollgate::simulator {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::initializer_list<std::string_view>;

constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

// The words in which Google's parser refuses a name.
std::string unknown_name(const Json& object, std::string_view where, Names known) {
  if (!object.is_object())
    return fmt::format("Invalid value at '{}' (must be an object)", where);
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fmt::format("Invalid JSON payload received. Unknown name \"{}\" at '{}': Cannot find field.", name, where);
  }
  return {};
}

std::string wrong_schema(const Json& schema, const std::string& where) {
  std::string wrong = unknown_name(
      schema, where, {"type",      "format",           "title",         "description", "nullable", "enum",
                      "items",     "properties",       "required",      "minItems",    "maxItems", "minLength",
                      "maxLength", "minProperties",    "maxProperties", "pattern",     "minimum",  "maximum",
                      "anyOf",     "propertyOrdering", "example"});
  if (!wrong.empty())
    return wrong;
  if (schema.contains("anyOf")) {
    if (schema.size() > 1)
      return where + ": specified other fields alongside any_of. When using any_of, it must be the only field set.";
    for (const Json& item : schema["anyOf"]) {
      if (wrong = wrong_schema(item, where + ".any_of"); !wrong.empty())
        return wrong;
    }
    return {};
  }
  const std::string type = schema.value("type", "");
  static constexpr std::array<std::string_view, 6> kTypes = {"STRING",  "NUMBER", "INTEGER",
                                                             "BOOLEAN", "ARRAY",  "OBJECT"};
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
    return where + ": schema didn't specify the schema type field";
  if (schema.contains("enum")) {
    if (type != "STRING")
      return where + ".enum: only allowed for STRING type";
    for (const Json& value : schema["enum"]) {
      if (!value.is_string() || value == "")
        return where + ".enum[0]: cannot be empty";
    }
  }
  if (const std::string format = schema.value("format", "");
      type == "STRING" && !format.empty() && format != "date-time")
    return where + ".format: only 'enum' and 'date-time' are supported for STRING type";
  if (type == "ARRAY") {
    if (!schema.contains("items"))
      return where + ".items: missing field.";
    return wrong_schema(schema["items"], where + ".items");
  }
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    if (wrong = wrong_schema(property, where + ".properties[" + name + "]"); !wrong.empty())
      return wrong;
  }
  for (const Json& name : schema.value("required", Json::array())) {
    if (!properties.contains(name.get<std::string>()))
      return fmt::format("{}.required: property is not defined: {}", where, name.get<std::string>());
  }
  return {};
}

std::string wrong_name(std::string_view name, std::string_view where) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.' || c == ':' || c == '-'; };
  if (!name.empty() && name.size() <= 64 && (std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
      std::all_of(name.begin(), name.end(), fits))
    return {};
  return fmt::format(
      "{}: Invalid function name. Must start with a letter or an underscore, with a maximum length of 64.", where);
}

std::string read_tools(const Json& body, Question* question) {
  for (const Json& tool : body.value("tools", Json::array())) {
    if (std::string wrong = unknown_name(tool, "tools[0]", {"functionDeclarations"}); !wrong.empty())
      return wrong;
    for (const Json& function : tool.value("functionDeclarations", Json::array())) {
      std::string wrong =
          unknown_name(function, "tools[0].function_declarations[0]", {"name", "description", "parameters"});
      const std::string name = function.value("name", "");
      if (wrong.empty())
        wrong = wrong_name(name, "tools[0].function_declarations[0].name");
      if (wrong.empty() && function.contains("parameters")) {
        const Json& parameters = function["parameters"];
        const std::string where = "tools[0].function_declarations[0].parameters";
        wrong = wrong_schema(parameters, where);
        if (wrong.empty() && (parameters.value("type", "") != "OBJECT" || !parameters.contains("properties")))
          wrong = where + ".properties: should be non-empty for OBJECT type";
      }
      if (!wrong.empty())
        return wrong;
      if (question != nullptr)
        question->tools.push_back(name);
    }
  }
  return {};
}

// simdjson's form, with the names of JSON Schema, which the answers know.
Json lower_case_types(Json schema) {
  if (!schema.is_structured())
    return schema;
  for (auto& [name, value] : schema.items()) {
    if (name == "type" && value.is_string()) {
      std::string type = value.get<std::string>();
      std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
      value = type;
    } else {
      value = lower_case_types(value);
    }
  }
  return schema;
}

std::string read_generation(const Json& config, GeminiQuestion& read) {
  const std::string_view where = "generation_config";
  std::string wrong = unknown_name(config, where,
                                   {"maxOutputTokens", "temperature", "topP", "topK", "stopSequences",
                                    "responseMimeType", "responseSchema", "thinkingConfig", "candidateCount", "seed"});
  if (!wrong.empty())
    return wrong;
  read.question.max_tokens = config.value("maxOutputTokens", std::int64_t{8192});
  if (read.question.max_tokens < 1)
    return "max_output_tokens must be positive";
  for (const Json& sequence : config.value("stopSequences", Json::array()))
    read.question.stop_sequences.push_back(sequence.get<std::string>());
  if (read.question.stop_sequences.size() > 5)
    return "The number of stop sequences must be at most 5.";
  if (config.contains("thinkingConfig")) {
    const Json& thinking = config["thinkingConfig"];
    wrong = unknown_name(thinking, "generation_config.thinking_config",
                         {"includeThoughts", "thinkingBudget", "thinkingLevel"});
    if (!wrong.empty())
      return wrong;
    if (thinking.contains("thinkingBudget") && thinking.contains("thinkingLevel"))
      return "You can only set only one of thinking budget and thinking level.";
    read.question.thinking = thinking.value("includeThoughts", false);
  }
  if (config.contains("responseSchema")) {
    if (config.value("responseMimeType", "") != "application/json")
      return "response_schema is only allowed with response_mime_type application/json";
    if (wrong = wrong_schema(config["responseSchema"], "generation_config.response_schema"); !wrong.empty())
      return wrong;
    simdjson::dom::element schema;
    if (!read.schema.parse(lower_case_types(config["responseSchema"]).dump()).get(schema))
      read.question.schema = schema;
  }
  return {};
}

class Contents {
 public:
  Contents(std::string_view model, Question& question) : model_(model), question_(question) {}

  std::string read(const Json& contents) {
    if (!contents.is_array() || contents.empty())
      return "GenerateContentRequest.contents: contents is not specified";
    // The turn that goes on began with the last words of the user.
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const Json parts = contents[i].value("parts", Json::array());
      const bool results =
          std::any_of(parts.begin(), parts.end(), [](const Json& part) { return part.contains("functionResponse"); });
      if (contents[i].value("role", "user") == "user" && !results)
        turn_ = i;
    }
    for (std::size_t i = 0; i < contents.size(); ++i) {
      if (std::string wrong = read_content(contents[i], i); !wrong.empty())
        return wrong;
    }
    if (!calls_.empty())
      return order();
    return {};
  }

 private:
  static std::string order() {
    return "Please ensure that the number of function response parts is equal to the number of function call parts of "
           "the function call turn.";
  }

  std::string read_content(const Json& content, std::size_t index) {
    const std::string where = fmt::format("contents[{}]", index);
    std::string wrong = unknown_name(content, where, {"role", "parts"});
    const std::string role = content.value("role", "user");
    if (wrong.empty() && role != "user" && role != "model")
      wrong = "Please use a valid role: user, model.";
    if (wrong.empty() && content.value("parts", Json::array()).empty())
      wrong = fmt::format("GenerateContentRequest.{}.parts: contents.parts must not be empty.", where);
    if (!wrong.empty())
      return wrong;
    if (role == "user") {
      question_.text.clear();
      question_.tool_results = 0;
      question_.tool_failed = false;
    } else if (!calls_.empty()) {
      return order();
    }
    first_call_ = true;
    std::size_t part_index = 0;
    for (const Json& part : content["parts"]) {
      if (wrong = read_part(part, role, index, fmt::format("{}.parts[{}]", where, part_index++)); !wrong.empty())
        return wrong;
    }
    if (role == "user" && !calls_.empty())
      return order();
    ++question_.messages;
    return {};
  }

  std::string read_part(const Json& part, const std::string& role, std::size_t content, const std::string& where) {
    std::string wrong = unknown_name(
        part, where,
        {"text", "inlineData", "fileData", "functionCall", "functionResponse", "thought", "thoughtSignature"});
    if (!wrong.empty())
      return wrong;
    int data = 0;
    for (const char* name : {"text", "inlineData", "fileData", "functionCall", "functionResponse"})
      data += part.contains(name);
    if (data != 1)
      return fmt::format("{}.data: required oneof field 'data' must have one initialized field", where);
    if (part.contains("functionCall"))
      return read_call(part, role, content, where);
    if (part.contains("functionResponse"))
      return read_result(part["functionResponse"], role, where);
    if (role == "user" && !calls_.empty())
      return "Please ensure that function response turn comes immediately after a function call turn.";
    const std::string text = part.value("text", "");
    if (role == "user" && !text.empty() && !text.starts_with("<system-reminder>"))
      question_.text.append(question_.text.empty() ? "" : "\n").append(text);
    return {};
  }

  std::string read_call(const Json& part, const std::string& role, std::size_t content, const std::string& where) {
    const Json& call = part["functionCall"];
    std::string wrong = unknown_name(call, where + ".function_call", {"name", "args", "id"});
    const std::string name = call.value("name", "");
    if (wrong.empty() && role != "model")
      wrong = "Please ensure that function call turn comes from the model.";
    if (wrong.empty())
      wrong = wrong_name(name, where + ".function_call.name");
    if (!wrong.empty())
      return wrong;
    calls_.push_back({name, call.value("id", "")});
    const bool first = std::exchange(first_call_, false);
    if (!signs_thoughts(model_))
      return {};
    const std::string signature = part.value("thoughtSignature", "");
    if (signature.empty())
      return first && content > turn_
                 ? fmt::format(
                       "Function call is missing a thought_signature in functionCall parts. This is required "
                       "for tools to work correctly. Function call `{}`, position {}.",
                       name, content)
                 : std::string();
    if (signature != kNoSignature && signature != gemini_signature(model_, name, call.value("args", Json::object())))
      return "Thought signature is not valid.";
    return {};
  }

  std::string read_result(const Json& result, const std::string& role, const std::string& where) {
    std::string wrong = unknown_name(result, where + ".function_response", {"name", "response", "id", "parts"});
    if (!wrong.empty())
      return wrong;
    if (!result.value("response", Json()).is_object())
      return where + ".function_response.response: must be an object";
    const auto call = std::find_if(calls_.begin(), calls_.end(), [&result](const Call& other) {
      return other.name == result.value("name", "") && other.id == result.value("id", "");
    });
    if (role != "user" || call == calls_.end())
      return order();
    calls_.erase(call);
    ++question_.tool_results;
    question_.tool_failed |= result["response"].contains("error");
    return {};
  }

  struct Call {
    std::string name;
    std::string id;
  };

  const std::string_view model_;
  Question& question_;
  std::size_t turn_ = 0;
  // Those that have no result yet.
  std::vector<Call> calls_;
  bool first_call_ = true;
};

}  // namespace

std::string read_gemini(const Json& body, std::string_view model, GeminiQuestion* asked) {
  GeminiQuestion unused;
  GeminiQuestion& read = asked != nullptr ? *asked : unused;
  try {
    std::string wrong = asked != nullptr ? unknown_name(body, "",
                                                        {"contents", "systemInstruction", "tools", "toolConfig",
                                                         "generationConfig", "safetySettings"})
                                         : unknown_name(body, "", {"model", "contents", "systemInstruction", "tools"});
    if (wrong.empty() && body.contains("systemInstruction")) {
      wrong = unknown_name(body["systemInstruction"], "system_instruction", {"role", "parts"});
      for (const Json& part : body["systemInstruction"].value("parts", Json::array())) {
        if (part.value("text", "").empty())
          wrong = "system_instruction.parts: must hold text";
      }
    }
    if (wrong.empty())
      wrong = read_tools(body, &read.question);
    if (wrong.empty())
      wrong = read_generation(body.value("generationConfig", Json::object()), read);
    read.question.model = model;
    if (wrong.empty())
      wrong = Contents(model, read.question).read(body.value("contents", Json()));
    return wrong;
  } catch (const nlohmann::json::exception& wrong) {
    return fmt::format("Invalid JSON payload received: {}", wrong.what());
  }
}

bool signs_thoughts(std::string_view model) {
  return model.starts_with("gemini-") && !model.starts_with("gemini-1") && !model.starts_with("gemini-2");
}

std::string gemini_signature(std::string_view model, std::string_view name, const Json& args) {
  // Of the value and not of its spelling.
  const nlohmann::json sorted = nlohmann::json::parse(args.dump());
  return "CGem" + sha256_hex(fmt::format("{} {} {}", model, name, sorted.dump()));
}

}  // namespace tollgate::simulator
