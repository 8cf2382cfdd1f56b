#include "gateway/openai/parts.h"

#include <fmt/format.h>

namespace tollgate::chat {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

void write_cache_control(const object& part, JsonWriter& json) {
  if (const std::optional<Element> cache = find(part, "cache_control"))
    json.raw_member("cache_control", json_of(*cache));
}

struct DataUrl {
  std::string_view media_type;
  std::string_view base64;
};

// data:image/png;base64,iVBORw0...
std::optional<DataUrl> parse_data_url(std::string_view url) {
  constexpr std::string_view scheme = "data:";
  constexpr std::string_view encoding = ";base64";
  const auto comma = url.find(',');
  if (!url.starts_with(scheme) || comma == url.npos)
    return std::nullopt;
  std::string_view type = url.substr(scheme.size(), comma - scheme.size());
  if (!type.ends_with(encoding))
    return std::nullopt;
  type.remove_suffix(encoding.size());
  return DataUrl{.media_type = type.substr(0, type.find(';')), .base64 = url.substr(comma + 1)};
}

bool is_web_url(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://");
}

constexpr std::string_view kPdf = "application/pdf";

// The part's block up to its source, which is what `url` means; `type` is image or document.
absl::Status begin_media(std::string_view url, std::string_view type, const std::string& path, JsonWriter& json) {
  if (is_web_url(url)) {
    json.begin_object().member("type", type).key("source").begin_object();
    json.member("type", "url").member("url", url).end_object();
    return absl::OkStatus();
  }
  const std::optional<DataUrl> data = parse_data_url(url);
  if (!data)
    return bad(path, "expected an https:// URL, or data:TYPE;base64,...");
  if (data->media_type == kPdf)
    type = "document";
  else if (type == "document" || !data->media_type.starts_with("image/"))
    return bad(path, fmt::format("{} cannot be sent on. Send images or PDF, or the content as text.",
                                 data->media_type.empty() ? std::string_view("data of no type") : data->media_type));
  json.begin_object().member("type", type).key("source").begin_object();
  json.member("type", "base64").member("media_type", data->media_type).member("data", data->base64).end_object();
  return absl::OkStatus();
}

absl::Status write_image(const object& part, const std::string& path, JsonWriter& json) {
  object image;
  const std::optional<Element> value = find(part, "image_url");
  // Some clients send the URL alone.
  std::optional<std::string_view> url = value ? text_of(*value) : std::nullopt;
  if (value && !url && !value->get_object().get(image))
    url = find_text(image, "url");
  if (!url)
    return bad(path + ".image_url", "expected an object with the member url");
  if (absl::Status status = begin_media(*url, "image", path + ".image_url.url", json); !status.ok())
    return status;
  write_cache_control(part, json);
  json.end_object();
  return absl::OkStatus();
}

absl::Status write_file(const object& part, const std::string& path, JsonWriter& json) {
  object file;
  const std::optional<Element> value = find(part, "file");
  if (!value || value->get_object().get(file))
    return bad(path + ".file", "expected an object with the member file_data");
  if (find(file, "file_id"))
    return bad(path + ".file.file_id", "there are no uploaded files here. Send the file itself as file_data.");
  const std::optional<std::string_view> data = find_text(file, "file_data");
  if (!data)
    return bad(path + ".file.file_data", "expected data:application/pdf;base64,...");
  if (absl::Status status = begin_media(*data, "document", path + ".file.file_data", json); !status.ok())
    return status;
  if (const std::optional<std::string_view> name = find_text(file, "filename"); name && !name->empty())
    json.member("title", *name);
  write_cache_control(part, json);
  json.end_object();
  return absl::OkStatus();
}

absl::Status write_text(const object& part, std::string_view member, const std::string& path, JsonWriter& json) {
  const std::optional<std::string_view> text = find_text(part, member);
  if (!text)
    return bad(fmt::format("{}.{}", path, member), "expected a string");
  if (text->empty())
    return absl::OkStatus();
  json.begin_object().member("type", "text").member("text", *text);
  write_cache_control(part, json);
  json.end_object();
  return absl::OkStatus();
}

absl::Status write_part(const object& part, Author author, const std::string& path, JsonWriter& json) {
  const std::string_view type = find_text(part, "type").value_or("");
  const bool media = author == Author::kUser || author == Author::kTool;
  if (type == "text")
    return write_text(part, "text", path, json);
  if (type == "refusal" && author == Author::kAssistant)
    return write_text(part, "refusal", path, json);
  if (type == "image_url" && media)
    return write_image(part, path, json);
  if (type == "file" && media)
    return write_file(part, path, json);
  return bad(path + ".type", fmt::format("a part of the type \"{}\" cannot be sent on here. Of the types of parts, "
                                         "text, image_url and file can, the last two in a user's and a tool's message.",
                                         type));
}

}  // namespace

void write_text_block(std::string_view text, JsonWriter& blocks) {
  if (!text.empty())
    blocks.begin_object().member("type", "text").member("text", text).end_object();
}

absl::Status write_parts(Element content, Author author, const std::string& path, JsonWriter& blocks) {
  if (const std::optional<std::string_view> text = text_of(content)) {
    write_text_block(*text, blocks);
    return absl::OkStatus();
  }
  array parts;
  if (content.get_array().get(parts))
    return bad(path, "expected a string or an array of parts");
  std::size_t index = 0;
  for (const Element element : parts) {
    const std::string place = fmt::format("{}[{}]", path, index++);
    object part;
    if (element.get_object().get(part))
      return bad(place, "expected an object");
    if (absl::Status status = write_part(part, author, place, blocks); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

}  // namespace tollgate::chat
