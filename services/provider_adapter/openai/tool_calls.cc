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

ToolCall* ToolCalls::find(std::optional<std::int64_t> index, std::string_view id, std::string_view name, bool whole) {
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
      return whole && call->name == name && !other_id && index ? &*call : nullptr;
    return &*call;
  }
  return nullptr;
}

ToolCall* ToolCalls::take(const dom::object& delta, bool whole) {
  std::optional<std::int64_t> index;
  std::int64_t number = 0;
  if (!delta.at_key("index").get_int64().get(number))
    index = number;
  const std::string_view id = text_of(delta, "id");
  dom::object function;
  const bool has_function = !delta.at_key("function").get_object().get(function);
  const std::string_view name = has_function ? text_of(function, "name") : std::string_view();
  ToolCall* call = nullptr;
  if (!whole) {
    call = find(index, id, name, false);
  } else {
    // A repetition of what deltas have said has the same id.
    for (ToolCall& known : calls_) {
      if (!id.empty() && known.id == id)
        call = &known;
    }
  }
  const std::string arguments = has_function ? arguments_of(function) : std::string();
  if (call == nullptr) {
    if (id.empty() && name.empty() && arguments.empty())
      return nullptr;
    call = &calls_.emplace_back();
    call->index = index;
  }
  if (call->id.empty())
    call->id = id;
  // Servers that repeat the name in every delta do not mean to lengthen it.
  if (!call->opened && name != call->name)
    call->name.append(name);
  if (!arguments.empty() && !(whole && !call->arguments.empty()))
    call->add(arguments);
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
