// The JSON of keys and workspaces, as OpenRouter's clients expect it, with members of Tollgate's own beside theirs.
// Source: https://openrouter.ai/docs/api-reference/get-current-api-key,
// https://openrouter.ai/docs/api-reference/api-keys, https://openrouter.ai/docs/api-reference/get-credits
#pragma once

#include <string>
#include <vector>

#include "gateway/json_text.h"
#include "tollgate/v1/keys.pb.h"
#include "tollgate/v1/workspaces.pb.h"

namespace tollgate {

// A key as those see it who manage keys, and a workspace.
Json key_object(const v1::Key& key);
Json workspace_object(const v1::Workspace& workspace);

// {"data":...}: a key as its holder sees it.
std::string current_key_json(const v1::Key& key);

std::string key_json(const v1::Key& key);
std::string created_key_json(const v1::CreateKeyReply& created);
std::string workspace_json(const v1::Workspace& workspace);

// A part of a list.
struct ListPage {
  // How many of those that would be shown are left out.
  std::size_t offset = 0;
  std::size_t limit = 100;
};

std::string keys_json(const v1::ListKeysReply& keys, bool include_disabled, const ListPage& page);
std::string workspaces_json(const v1::ListWorkspacesReply& workspaces, const ListPage& page);

// Limits without reset and usage of all workspaces together. A workspace that has no such limit counts as one of the
// largest amount: whoever subtracts the usage finds money left.
std::string credits_json(const v1::ListWorkspacesReply& workspaces);

}  // namespace tollgate
