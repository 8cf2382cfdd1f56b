#include "services/provider_adapter/openai/tool_calls.h"

namespace tollgate::openai {
namespace {

namespace dom = simdjson::dom;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view text_of(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

// Arguments are a string that holds JSON; some servers put the JSON itself there.
std::string arguments_of(const dom::object& function) {
  dom::element value;
  if (function.at_key("arguments").get(value) || value.is_null())
    return {};
  std::string_view text;
  if (!value.get_string().get(text))
    return std::string(text);
  return simdjson::minify(value);
}

struct Element {
  std::optional<std::int64_t> index;
  std::string_view id;
  std::string_view name;
  std::string arguments;
};

Element element_of(const dom::object& object) {
  Element element;
  std::int64_t number = 0;
  if (!object.at_key("index").get_int64().get(number))
    element.index = number;
  element.id = text_of(object, "id");
  dom::object function;
  if (!object.at_key("function").get_object().get(function)) {
    element.name = text_of(function, "name");
    element.arguments = arguments_of(function);
  }
  return element;
}

}  // namespace

void ObjectProgress::push(std::string_view json) {
  for (const char c : json) {
    if (foreign_)
      return;
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (is_blank(c))
      continue;
    if (!begun_) {
      begun_ = c == '{';
      foreign_ = !begun_;
      depth_ = 1;
      continue;
    }
    if (depth_ == 0) {
      overrun_ = true;
      return;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    }
  }
}

void ToolCall::add(std::string_view fragment) {
  arguments.append(fragment);
  progress.push(fragment);
}

ToolCall* ToolCalls::find(std::optional<std::int64_t> index, std::string_view id, std::string_view name) {
  // The last of an index: servers that give all calls the index 0 send one after the other.
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    const bool same_id = !id.empty() && call->id == id;
    if (index && call->index && *call->index != *index)
      continue;
    if (!index && !id.empty() && !call->id.empty() && !same_id)
      continue;
    const bool other_id = !id.empty() && !call->id.empty() && !same_id;
    // A name that comes with another id, or behind a complete call, begins another one.
    if (!same_id && !name.empty() && (other_id || call->complete()))
      return nullptr;
    return &*call;
  }
  return nullptr;
}

ToolCall* ToolCalls::take(const dom::object& delta) {
  const Element element = element_of(delta);
  ToolCall* call = find(element.index, element.id, element.name);
  if (call == nullptr) {
    if (element.id.empty() && element.name.empty() && element.arguments.empty())
      return nullptr;
    call = &calls_.emplace_back();
    call->index = element.index;
  }
  if (call->id.empty())
    call->id = element.id;
  // Servers that repeat the name in every delta do not mean to lengthen it.
  if (!call->opened && element.name != call->name)
    call->name.append(element.name);
  if (!element.arguments.empty())
    call->add(element.arguments);
  return call;
}

ToolCall* ToolCalls::take_whole(const dom::object& message_element, std::size_t position, std::size_t known) {
  const Element element = element_of(message_element);
  ToolCall* call = nullptr;
  for (std::size_t i = 0; i < known && call == nullptr; ++i) {
    const bool same_id = !element.id.empty() && calls_[i].id == element.id;
    if (same_id || (element.id.empty() && i == position && calls_[i].name == element.name))
      call = &calls_[i];
  }
  if (call == nullptr) {
    call = &calls_.emplace_back();
    call->index = element.index;
    call->id = element.id;
  }
  if (call->name.empty())
    call->name = element.name;
  if (call->arguments.empty() && !element.arguments.empty())
    call->add(element.arguments);
  return call;
}

ToolCall* ToolCalls::take_function(const dom::object& function, bool whole) {
  if (calls_.empty())
    calls_.emplace_back();
  ToolCall& call = calls_.front();
  const std::string_view name = text_of(function, "name");
  if (!call.opened && name != call.name)
    call.name.append(name);
  const std::string arguments = arguments_of(function);
  if (!arguments.empty() && !(whole && !call.arguments.empty()))
    call.add(arguments);
  return &call;
}

}  // namespace tollgate::openai
