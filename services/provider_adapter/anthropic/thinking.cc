#include "services/provider_adapter/anthropic/thinking.h"

#include <simdjson.h>

#include <algorithm>

#include "absl/strings/ascii.h"

namespace tollgate::anthropic {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kNoThinking = R"({"type":"disabled"})";
constexpr std::string_view kNoEdits = R"({"edits":[]})";

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The elements of one array, some of which go.
class Elements {
 public:
  void add(Span span, bool goes) { elements_.push_back({span, goes}); }
  bool all_go() const {
    return std::all_of(elements_.begin(), elements_.end(), [](const Element& one) { return one.goes; });
  }
  // Each run with the comma behind it; one at the end, with the comma before it.
  void cut(std::vector<v1::Edit>& edits) const {
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      if (!elements_[i].goes)
        continue;
      const std::size_t first = i;
      while (i + 1 < elements_.size() && elements_[i + 1].goes)
        ++i;
      const bool at_end = i + 1 == elements_.size();
      const std::size_t begin = at_end && first > 0 ? elements_[first - 1].span.end : elements_[first].span.begin;
      const std::size_t end = at_end ? elements_[i].span.end : elements_[i + 1].span.begin;
      v1::Edit& edit = edits.emplace_back();
      edit.set_offset(begin);
      edit.set_length(end - begin);
    }
  }

 private:
  struct Element {
    Span span;
    bool goes;
  };
  std::vector<Element> elements_;
};

class Reader {
 public:
  Reader(simdjson::padded_string_view body, const std::function<bool(std::string_view)>& unwanted)
      : body_(body), unwanted_(unwanted) {}

  ThinkingCut read() {
    thread_local ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(body_).get(document) || document.get_object().get(object) || !read_members(object))
      return {};
    messages_.cut(cut_.edits);
    if (unthinking_)
      switch_off();
    std::sort(cut_.edits.begin(), cut_.edits.end(),
              [](const v1::Edit& a, const v1::Edit& b) { return a.offset() < b.offset(); });
    return std::move(cut_);
  }

 private:
  // The value's bytes, white space behind it left out; a value that was read may be read again.
  template <typename Container>
  bool span_of(Container& container, Span& span) const {
    std::string_view raw;
    if (container.raw_json().get(raw) || container.reset().error())
      return false;
    span.begin = static_cast<std::size_t>(raw.data() - body_.data());
    span.end = span.begin + raw.find_last_of("}]") + 1;
    return true;
  }

  bool read_members(ondemand::object& object) {
    for (auto field : object) {
      std::string_view key;
      if (field.unescaped_key().get(key))
        return false;
      if (key == "messages") {
        ondemand::array messages;
        if (field.value().get_array().get(messages) || !read_messages(messages))
          return false;
      } else if (key == "thinking" || key == "context_management") {
        ondemand::object value;
        if (field.value().get_object().get(value))
          continue;
        Span& span = key == "thinking" ? thinking_ : context_management_;
        if (!span_of(value, span))
          return false;
        std::string_view type;
        if (key == "thinking" && !value.find_field_unordered("type").get_string().get(type))
          insists_ = type == "enabled";
      }
    }
    return true;
  }

  bool read_messages(ondemand::array& messages) {
    for (auto element : messages) {
      ondemand::object message;
      Span span;
      if (element.get_object().get(message) || !span_of(message, span))
        return false;
      std::string_view role;
      const bool ours = !message.find_field_unordered("role").get_string().get(role) && role == "assistant";
      bool goes = false;
      if (ours && !read_turn(message, goes))
        return false;
      messages_.add(span, goes);
    }
    return true;
  }

  bool read_turn(ondemand::object& message, bool& goes) {
    ondemand::array content;
    if (message.find_field_unordered("content").get_array().get(content))
      return true;
    Elements blocks;
    bool any = false;
    bool calls = false;
    bool first_stays = true;
    std::size_t count = 0;
    for (auto element : content) {
      ondemand::object block;
      Span span;
      if (element.get_object().get(block) || !span_of(block, span))
        return false;
      std::string_view type;
      if (block.find_field_unordered("type").get_string().get(type))
        return false;
      calls = calls || type == "tool_use";
      const bool cut = is_unwanted(type, block);
      first_stays = first_stays && !(count++ == 0 && cut);
      any = any || cut;
      blocks.add(span, cut);
    }
    // Of the last turn only: each overwrites what the one before has said.
    unthinking_ = calls && !first_stays;
    goes = any && blocks.all_go();
    if (any && !goes)
      blocks.cut(cut_.edits);
    return true;
  }

  bool is_unwanted(std::string_view type, ondemand::object& block) {
    const bool redacted = type == "redacted_thinking";
    if (type != "thinking" && !redacted)
      return false;
    std::string_view signature;
    if (block.find_field_unordered(redacted ? "data" : "signature").get_string().get(signature))
      signature = {};
    if (!unwanted_(signature))
      return false;
    ++cut_.blocks;
    cut_.signatures.emplace_back(signature);
    return true;
  }

  void switch_off() {
    if (!insists_)
      return;
    replace(thinking_, kNoThinking);
    // Its edits may be of thinking, which must be on for them.
    if (context_management_.end > 0)
      replace(context_management_, kNoEdits);
  }

  void replace(Span span, std::string_view value) {
    v1::Edit& edit = cut_.edits.emplace_back();
    edit.set_offset(span.begin);
    edit.set_length(span.end - span.begin);
    edit.set_replacement(value.data(), value.size());
  }

  const simdjson::padded_string_view body_;
  const std::function<bool(std::string_view)>& unwanted_;
  ThinkingCut cut_;
  Elements messages_;
  Span thinking_;
  Span context_management_;
  bool insists_ = false;
  bool unthinking_ = false;
};

}  // namespace

bool refuses_thinking(std::string_view message) {
  const std::string text = absl::AsciiStrToLower({message.data(), message.size()});
  const auto says = [&text](std::string_view words) { return text.find(words) != std::string::npos; };
  if (!says("thinking"))
    return false;
  return says("signature") || says("cannot be modified") || says("must match parameters") ||
         says("different conversation");
}

ThinkingCut cut_thinking(const std::string& body, const std::function<bool(std::string_view)>& unwanted) {
  if (body.capacity() - body.size() >= simdjson::SIMDJSON_PADDING)
    return Reader(simdjson::padded_string_view(body.data(), body.size(), body.capacity()), unwanted).read();
  const simdjson::padded_string padded(body);
  return Reader(padded, unwanted).read();
}

void add_edits(const std::vector<v1::Edit>& edits, v1::SendRequest& request) {
  for (const v1::Edit& edit : edits)
    *request.add_edits() = edit;
  std::sort(request.mutable_edits()->begin(), request.mutable_edits()->end(),
            [](const v1::Edit& a, const v1::Edit& b) { return a.offset() < b.offset(); });
}

void RefusedSignatures::add(std::string_view signature, SteadyClock::time_point now) {
  const std::size_t hash = std::hash<std::string_view>()(signature);
  const auto found = entries_.find(hash);
  if (found != entries_.end())
    order_.erase(found->second);
  order_.push_front({hash, now});
  entries_[hash] = order_.begin();
  if (order_.size() > kMax) {
    entries_.erase(order_.back().hash);
    order_.pop_back();
  }
}

bool RefusedSignatures::contains(std::string_view signature, SteadyClock::time_point now) {
  while (!order_.empty() && now - order_.back().seen > kRemembered) {
    entries_.erase(order_.back().hash);
    order_.pop_back();
  }
  const auto found = entries_.find(std::hash<std::string_view>()(signature));
  if (found == entries_.end())
    return false;
  order_.splice(order_.begin(), order_, found->second);
  found->second->seen = now;
  return true;
}

}  // namespace tollgate::anthropic
