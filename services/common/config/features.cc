#include "services/common/config/features.h"

#include <map>
#include <string>
#include <vector>

namespace tollgate {
namespace {

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void read_texts(Section& section, const char* name, Texts& out) {
  std::vector<std::string> texts;
  section.texts(name, texts);
  out.Assign(texts.begin(), texts.end());
}

void read(Section section, v1::BetaRules& betas) {
  read_texts(section, "drop", *betas.mutable_drop());
  read_texts(section, "refuse", *betas.mutable_refuse());
  read_texts(section, "only", *betas.mutable_only());
  std::map<std::string, std::string> rename;
  section.text_map("rename", rename);
  for (const auto& [from, to] : rename) {
    if (to.empty() || to.find_first_of(", \t\r\n") != to.npos)
      section.problem("rename." + from, "expected the name of a flag; betas.drop leaves one out");
  }
  betas.mutable_rename()->insert(rename.begin(), rename.end());
  section.finish();
}

}  // namespace

void read_features(Section section, v1::Features& features) {
  read_texts(section, "anthropic_versions", *features.mutable_anthropic_versions());
  Section betas = section.section("betas");
  if (section.has("betas"))
    read(betas, *features.mutable_betas());
  if (section.has("mid_conversation_system")) {
    bool taken = true;
    section.flag("mid_conversation_system", taken);
    features.set_mid_conversation_system(taken);
  }
  section.finish();
}

v1::Features merged(const v1::Features& upstream, const v1::Features& model) {
  v1::Features features = upstream;
  if (!model.anthropic_versions().empty())
    features.clear_anthropic_versions();
  features.MergeFrom(model);
  return features;
}

}  // namespace tollgate
