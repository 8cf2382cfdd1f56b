#include "services/provider_adapter/openai/client_tools.h"

#include <array>

namespace tollgate::openai {
namespace {

struct Row {
  std::string_view prefix;
  ClientTool tool;
};

constexpr std::array kRows = {
    Row{"bash_",
        {"Runs a command in a bash session that stays open between calls.",
         R"({"type":"object","properties":{"command":{"type":"string","description":"The command to run."},)"
         R"("restart":{"type":"boolean","description":"Restarts the session instead."}}})"}},
    Row{"text_editor_",
        {"Views, creates and edits text files.",
         R"({"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},)"
         R"("path":{"type":"string","description":"Absolute path of the file or directory."},)"
         R"("file_text":{"type":"string","description":"With create: the file's content."},)"
         R"("old_str":{"type":"string","description":"With str_replace: the text to replace, which stands there once."},)"
         R"("new_str":{"type":"string","description":"With str_replace: the new text."},)"
         R"("insert_line":{"type":"integer","description":"With insert: the line after which to insert."},)"
         R"("insert_text":{"type":"string","description":"With insert: the text."},)"
         R"("view_range":{"type":"array","items":{"type":"integer"},"description":"With view: first and last line."}},)"
         R"("required":["command","path"]})"}},
    Row{"memory_",
        {"Keeps notes in files below /memories.",
         R"({"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert",)"
         R"("delete","rename"]},"path":{"type":"string"},"file_text":{"type":"string"},"old_str":{"type":"string"},)"
         R"("new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},)"
         R"("old_path":{"type":"string"},"new_path":{"type":"string"},)"
         R"("view_range":{"type":"array","items":{"type":"integer"}}},"required":["command"]})"}},
};

}  // namespace

const ClientTool* client_tool(std::string_view type) {
  for (const Row& row : kRows) {
    if (type.starts_with(row.prefix))
      return &row.tool;
  }
  return nullptr;
}

}  // namespace tollgate::openai
