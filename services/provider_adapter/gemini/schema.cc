#include "services/provider_adapter/gemini/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "services/common/base/json_writer.h"

namespace tollgate::gemini {
namespace {

namespace dom = simdjson::dom;
using Json = dom::element;

// References that refer twice to references that do so grow without bound when they are written out.
constexpr int kNodes = 4000;
constexpr int kParts = 20000;
constexpr int kDepth = 24;

std::optional<std::string_view> text_of(const Json& value) {
  std::string_view text;
  if (value.get_string().get(text))
    return std::nullopt;
  return text;
}

std::string_view gemini_type(std::string_view type) {
  for (const auto& [name, gemini] : {std::pair("string", "STRING"),
                                     {"number", "NUMBER"},
                                     {"integer", "INTEGER"},
                                     {"boolean", "BOOLEAN"},
                                     {"array", "ARRAY"},
                                     {"object", "OBJECT"}}) {
    if (type.size() == std::string_view(name).size() &&
        std::equal(type.begin(), type.end(), name, [](char a, char b) { return (a | 0x20) == b; }))
      return gemini;
  }
  return {};
}

// A schema and all that is said of the same value elsewhere: what it refers to, what it is all of.
class Node {
 public:
  void add(dom::object part) { parts_.push_back(part); }
  bool empty() const { return parts_.empty(); }

  std::optional<Json> find(std::string_view name) const {
    for (const dom::object& part : parts_) {
      Json value;
      if (!part.at_key(name).get(value))
        return value;
    }
    return std::nullopt;
  }
  std::optional<Json> find_any(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      if (auto value = find(name))
        return value;
    }
    return std::nullopt;
  }
  const std::vector<dom::object>& parts() const { return parts_; }

 private:
  std::vector<dom::object> parts_;
};

struct Property {
  std::string_view name;
  Json schema;
};

std::vector<Property> properties_of(const Node& node) {
  std::vector<Property> properties;
  for (const dom::object& part : node.parts()) {
    dom::object members;
    if (part.at_key("properties").get(members))
      continue;
    for (const auto& [name, schema] : members) {
      const std::string_view wanted = name;
      const bool known = std::any_of(properties.begin(), properties.end(),
                                     [wanted](const Property& property) { return property.name == wanted; });
      if (!known)
        properties.push_back({name, schema});
    }
  }
  return properties;
}

// What a value may be, as far as `type` and `enum` say so.
struct Types {
  // As Gemini calls them.
  std::vector<std::string_view> types;
  bool nullable = false;
};

class Converter {
 public:
  Converter(std::string& out, const Json& root) : json_(out), root_(root) {}

  // `note` is said of the value where the schema itself describes nothing.
  void convert(const Json& schema, std::string_view note, bool nullable, int depth) {
    Node node;
    std::vector<std::string_view> references;
    gather(schema, node, references, 0);
    const std::size_t held = open_references_.size();
    const bool again = std::any_of(references.begin(), references.end(), [this](std::string_view reference) {
      return std::find(open_references_.begin(), open_references_.end(), reference) != open_references_.end();
    });
    if (again || depth > kDepth || ++nodes_ > kNodes) {
      any_object(note, nullable);
      return;
    }
    open_references_.insert(open_references_.end(), references.begin(), references.end());
    write(node, note, nullable, depth);
    open_references_.resize(held);
  }

 private:
  void any_object(std::string_view note, bool nullable) {
    json_.begin_object().member("type", "OBJECT");
    if (!note.empty())
      json_.member("description", note);
    if (nullable)
      json_.member("nullable", true);
    json_.end_object();
  }

  void gather(const Json& schema, Node& node, std::vector<std::string_view>& references, int depth) {
    dom::object object;
    if (depth > kDepth || schema.get_object().get(object) || ++gathered_ > kParts)
      return;
    node.add(object);
    std::string_view reference;
    if (!object.at_key("$ref").get_string().get(reference) &&
        std::find(references.begin(), references.end(), reference) == references.end()) {
      references.push_back(reference);
      Json target;
      if (reference == "#") {
        gather(root_, node, references, depth + 1);
      } else if (reference.starts_with("#/") && !root_.at_pointer(reference.substr(1)).get(target)) {
        gather(target, node, references, depth + 1);
      }
    }
    dom::array all;
    if (object.at_key("allOf").get(all))
      return;
    for (const Json part : all)
      gather(part, node, references, depth + 1);
  }

  static void add_type(std::string_view name, Types& types) {
    if (name == "null")
      types.nullable = true;
    const std::string_view type = gemini_type(name);
    if (!type.empty() && std::find(types.types.begin(), types.types.end(), type) == types.types.end())
      types.types.push_back(type);
  }

  static Types types_of(const Node& node) {
    Types types;
    if (const auto type = node.find("type")) {
      dom::array several;
      if (const auto one = text_of(*type)) {
        add_type(*one, types);
      } else if (!type->get_array().get(several)) {
        for (const Json item : several)
          add_type(text_of(item).value_or(""), types);
      }
    }
    bool nullable = false;
    if (const auto value = node.find("nullable"); value && !value->get_bool().get(nullable))
      types.nullable |= nullable;
    return types;
  }

  // `enum` and `const`. Null among them makes it nullable; others than strings can only be described.
  static void read_values(const Node& node, std::vector<std::string_view>& texts, std::string& others, bool& nullable) {
    std::vector<Json> values;
    dom::array array;
    if (const auto several = node.find("enum"); several && !several->get_array().get(array)) {
      for (const Json item : array)
        values.push_back(item);
    } else if (const auto one = node.find("const")) {
      values.push_back(*one);
    }
    for (const Json& value : values) {
      if (value.is_null()) {
        nullable = true;
      } else if (const auto text = text_of(value)) {
        // An empty one is refused.
        if (!text->empty())
          texts.push_back(*text);
      } else {
        others.append(others.empty() ? "" : ", ").append(simdjson::minify(value));
      }
    }
  }

  void write(const Node& node, std::string_view note, bool nullable, int depth) {
    Types types = types_of(node);
    types.nullable |= nullable;
    std::vector<std::string_view> values;
    std::string others;
    read_values(node, values, others, types.nullable);
    std::string description(note);
    if (const auto own = node.find("description"))
      description = text_of(*own).value_or(note);
    if (!others.empty()) {
      description.append(description.empty() ? "" : " ").append(fmt::format("One of: {}.", others));
      // A mix of both cannot be an enum.
      values.clear();
    }
    std::vector<Property> properties = properties_of(node);
    if (types.types.empty()) {
      if (!properties.empty() || node.find_any({"additionalProperties", "required"}))
        types.types.push_back("OBJECT");
      else if (node.find_any({"items", "prefixItems"}))
        types.types.push_back("ARRAY");
      else if (!values.empty())
        types.types.push_back("STRING");
    }
    if (types.types.empty() && write_alternatives(node, description, types.nullable, depth))
      return;
    if (types.types.size() > 1) {
      // Nothing may stand beside anyOf: each type has what belongs to it.
      json_.begin_object().key("anyOf").begin_array();
      for (const std::string_view type : types.types)
        write_typed(node, type, properties, values, description, types.nullable, depth);
      json_.end_array().end_object();
      return;
    }
    // Of anything: a text can say it.
    write_typed(node, types.types.empty() ? "STRING" : types.types.front(), properties, values, description,
                types.nullable, depth);
  }

  static bool is_null(const Json& schema) {
    dom::object object;
    std::string_view type;
    return !schema.get_object().get(object) && !object.at_key("type").get_string().get(type) && type == "null";
  }

  // False when there are none.
  bool write_alternatives(const Node& node, const std::string& description, bool nullable, int depth) {
    const auto value = node.find_any({"anyOf", "oneOf"});
    dom::array array;
    if (!value || value->get_array().get(array))
      return false;
    std::vector<Json> alternatives;
    for (const Json item : array) {
      if (is_null(item))
        nullable = true;
      else
        alternatives.push_back(item);
    }
    if (alternatives.empty())
      return false;
    if (alternatives.size() == 1) {
      convert(alternatives.front(), description, nullable, depth + 1);
      return true;
    }
    json_.begin_object().key("anyOf").begin_array();
    for (const Json& alternative : alternatives)
      convert(alternative, description, nullable, depth + 1);
    json_.end_array().end_object();
    return true;
  }

  void write_typed(const Node& node, std::string_view type, const std::vector<Property>& properties,
                   const std::vector<std::string_view>& values, const std::string& description, bool nullable,
                   int depth) {
    json_.begin_object().member("type", type);
    if (const auto title = node.find("title")) {
      if (const auto text = text_of(*title))
        json_.member("title", *text);
    }
    if (!description.empty())
      json_.member("description", description);
    if (nullable)
      json_.member("nullable", true);
    write_format(node, type);
    if (type == "STRING") {
      if (!values.empty()) {
        json_.key("enum").begin_array();
        for (const std::string_view value : values)
          json_.string(value);
        json_.end_array();
      }
      write_counts(node, {"minLength", "maxLength"});
      if (const auto pattern = node.find("pattern")) {
        if (const auto text = text_of(*pattern))
          json_.member("pattern", *text);
      }
    } else if (type == "NUMBER" || type == "INTEGER") {
      write_bound(node, "minimum", "exclusiveMinimum", type == "INTEGER" ? 1 : 0);
      write_bound(node, "maximum", "exclusiveMaximum", type == "INTEGER" ? -1 : 0);
    } else if (type == "ARRAY") {
      write_counts(node, {"minItems", "maxItems"});
      json_.key("items");
      write_items(node, depth);
    } else if (type == "OBJECT") {
      write_members(node, properties, depth);
    }
    json_.end_object();
  }

  // No other is taken.
  void write_format(const Node& node, std::string_view type) {
    const auto value = node.find("format");
    const std::string_view format = value ? text_of(*value).value_or("") : "";
    const bool known = (type == "STRING" && format == "date-time") ||
                       (type == "NUMBER" && (format == "float" || format == "double")) ||
                       (type == "INTEGER" && (format == "int32" || format == "int64"));
    if (known)
      json_.member("format", format);
  }

  void write_counts(const Node& node, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      std::int64_t count = 0;
      if (const auto value = node.find(name); value && !value->get_int64().get(count) && count >= 0)
        json_.member(name, count);
    }
  }

  void write_bound(const Node& node, std::string_view name, std::string_view exclusive, int step) {
    std::optional<Json> value = node.find(name);
    if (value && value->is_number()) {
      json_.raw_member(name, simdjson::minify(*value));
      return;
    }
    value = node.find(exclusive);
    if (!value)
      return;
    std::int64_t whole = 0;
    double number = 0;
    if (!value->get_int64().get(whole) && std::abs(whole) < (std::int64_t{1} << 53)) {
      json_.member(name, whole + step);
    } else if (!value->get_double().get(number) && step == 0) {
      json_.member(name, number);
    } else if (!value->get_double().get(number)) {
      json_.member(name, step > 0 ? std::ceil(number) : std::floor(number));
    }
  }

  // Required: an array of anything is one of texts.
  void write_items(const Node& node, int depth) {
    std::vector<Json> items;
    for (const char* name : {"prefixItems", "items"}) {
      const auto value = node.find(name);
      dom::array several;
      if (!value)
        continue;
      if (value->is_object()) {
        items.push_back(*value);
      } else if (!value->get_array().get(several)) {
        for (const Json item : several)
          items.push_back(item);
      }
    }
    if (items.empty()) {
      json_.begin_object().member("type", "STRING").end_object();
    } else if (items.size() == 1) {
      convert(items.front(), "", false, depth + 1);
    } else {
      json_.begin_object().key("anyOf").begin_array();
      for (const Json& item : items)
        convert(item, "", false, depth + 1);
      json_.end_array().end_object();
    }
  }

  void write_members(const Node& node, const std::vector<Property>& properties, int depth) {
    if (properties.empty())
      return;
    json_.key("properties").begin_object();
    for (const Property& property : properties) {
      json_.key(property.name);
      convert(property.schema, "", false, depth + 1);
    }
    json_.end_object();
    // A name that is no property's is refused.
    std::vector<std::string_view> required;
    for (const dom::object& part : node.parts()) {
      dom::array names;
      if (part.at_key("required").get(names))
        continue;
      for (const Json item : names) {
        const std::string_view name = text_of(item).value_or("");
        const bool known = std::any_of(properties.begin(), properties.end(),
                                       [name](const Property& property) { return property.name == name; });
        if (known && std::find(required.begin(), required.end(), name) == required.end())
          required.push_back(name);
      }
    }
    if (required.empty())
      return;
    json_.key("required").begin_array();
    for (const std::string_view name : required)
      json_.string(name);
    json_.end_array();
  }

  JsonWriter json_;
  const Json root_;
  // Those that the schema being written stands in.
  std::vector<std::string_view> open_references_;
  int nodes_ = 0;
  int gathered_ = 0;
};

}  // namespace

void append_schema(std::string& out, const simdjson::dom::element& schema) {
  Converter(out, schema).convert(schema, "", false, 0);
}

bool has_properties(const simdjson::dom::element& schema) {
  dom::object object;
  if (schema.get_object().get(object))
    return false;
  dom::object properties;
  if (!object.at_key("properties").get(properties))
    return properties.size() > 0;
  return !object.at_key("$ref").error() || !object.at_key("allOf").error() || !object.at_key("anyOf").error() ||
         !object.at_key("oneOf").error();
}

}  // namespace tollgate::gemini
