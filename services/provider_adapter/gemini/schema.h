// JSON Schema as Gemini's function declarations take it: the subset of OpenAPI 3.0 that its Schema is, every name
// beyond which fails the whole request.
// Source: https://ai.google.dev/api/caching#Schema
#pragma once

#include <simdjson.h>

#include <string>

namespace tollgate::gemini {

// Appends the schema as one JSON value, in the order of its members. What has no counterpart is expressed by what has
// ($ref and allOf are written out, oneOf is anyOf, const an enum, null nullable, exclusive bounds the next ones) or
// left out, which allows more and never less. A schema of itself, or one that grows beyond all measure, ends in an
// object of any members.
void append_schema(std::string& out, const simdjson::dom::element& schema);

// A tool without parameters has no schema: an object without properties is refused.
bool has_properties(const simdjson::dom::element& schema);

}  // namespace tollgate::gemini
