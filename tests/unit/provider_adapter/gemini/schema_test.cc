#include "services/provider_adapter/gemini/schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tollgate::gemini {
namespace {

std::string convert(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element schema;
  EXPECT_FALSE(parser.parse(text).get(schema)) << text;
  std::string out;
  append_schema(out, schema);
  return out;
}

struct Case {
  const char* name;
  const char* given;
  const char* wanted;
};

class GeminiSchema : public testing::TestWithParam<Case> {};

TEST_P(GeminiSchema, SaysItInTheWordsThatGeminiKnows) {
  EXPECT_EQ(convert(GetParam().given), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Failures, GeminiSchema,
    testing::Values(
        // theopenco/llmgateway 1763, bestruirui/octopus 255 and 43, zendev-sh/goai 108.
        Case{"StripsKeywordsOfJsonSchemaAlone",
             R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","type":"object",
                "additionalProperties":false,"properties":{"a":{"type":"object","additionalProperties":{"type":"string"},
                "propertyNames":{"type":"string"},"patternProperties":{"^x":{}},"default":{},"examples":[1],
                "unevaluatedProperties":false,"$comment":"c"}},"required":["a"]})",
             R"({"type":"OBJECT","properties":{"a":{"type":"OBJECT"}},"required":["a"]})"},
        // pizza-bot-app/pizza-bot 62, ahmadrosid/nakama 293: what zod writes for a positive integer.
        Case{"TurnsExclusiveBoundsIntoTheNextOnes",
             R"({"type":"object","properties":{"n":{"type":"integer","exclusiveMinimum":0,"maximum":9007199254740991},
                "x":{"type":"number","exclusiveMaximum":1.5,"multipleOf":0.1}}})",
             R"({"type":"OBJECT","properties":{"n":{"type":"INTEGER","minimum":1,"maximum":9007199254740991},)"
             R"("x":{"type":"NUMBER","maximum":1.5}}})"},
        // router-for-me/CLIProxyAPI 2142.
        Case{"StripsUniqueItems", R"({"type":"array","uniqueItems":true,"minItems":1,"items":{"type":"string"}})",
             R"({"type":"ARRAY","minItems":1,"items":{"type":"STRING"}})"},
        Case{"MakesConstAnEnum", R"({"type":"string","const":"only"})", R"({"type":"STRING","enum":["only"]})"},
        Case{"MakesConstWithoutTypeAnEnum", R"({"const":"only"})", R"({"type":"STRING","enum":["only"]})"},
        Case{"DescribesValuesThatAreNoTexts", R"({"type":"integer","description":"How many.","enum":[1,2,3]})",
             R"({"type":"INTEGER","description":"How many. One of: 1, 2, 3."})"},
        Case{"LeavesOutEmptyValuesOfEnums", R"({"type":"string","enum":["","a"]})",
             R"({"type":"STRING","enum":["a"]})"},
        Case{"MakesNullOfAnEnumNullable", R"({"enum":["a",null]})",
             R"({"type":"STRING","nullable":true,"enum":["a"]})"},
        Case{"MakesATypeOrNullNullable", R"({"type":["string","null"],"maxLength":3})",
             R"({"type":"STRING","nullable":true,"maxLength":3})"},
        Case{"SplitsSeveralTypes", R"({"type":["string","integer"],"minimum":1,"minLength":2})",
             R"({"anyOf":[{"type":"STRING","minLength":2},{"type":"INTEGER","minimum":1}]})"},
        // anomalyco/opencode 14700: "When using any_of, it must be the only field set."
        Case{"LeavesNothingBesideAnyOf",
             R"({"description":"d","title":"t","anyOf":[{"type":"string"},{"type":"number","description":"own"}]})",
             R"({"anyOf":[{"type":"STRING","description":"d"},{"type":"NUMBER","description":"own"}]})"},
        Case{"CollapsesAnyOfOneAndNull",
             R"({"description":"d","default":null,"anyOf":[{"type":"integer","exclusiveMinimum":0},{"type":"null"}]})",
             R"({"type":"INTEGER","description":"d","nullable":true,"minimum":1})"},
        Case{"KeepsAnObjectWhoseAlternativesOnlyRequire",
             R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},
                "anyOf":[{"required":["a"]},{"required":["b"]}]})",
             R"({"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"}}})"},
        Case{"TakesOneOfAsAnyOf", R"({"oneOf":[{"type":"string"},{"type":"boolean"}]})",
             R"({"anyOf":[{"type":"STRING"},{"type":"BOOLEAN"}]})"},
        Case{"MergesAllOf",
             R"({"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},
                {"properties":{"b":{"type":"boolean"}},"required":["b"]}]})",
             R"({"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"BOOLEAN"}},"required":["a","b"]})"},
        Case{"WritesReferencesOut",
             R"({"type":"object","properties":{"p":{"$ref":"#/$defs/P","description":"mine"}},
                "$defs":{"P":{"type":"object","description":"theirs","properties":{"x":{"type":"number"}}}}})",
             R"({"type":"OBJECT","properties":{"p":{"type":"OBJECT","description":"mine",)"
             R"("properties":{"x":{"type":"NUMBER"}}}}})"},
        Case{"EndsASchemaOfItself",
             R"({"type":"object","properties":{"child":{"$ref":"#/$defs/N"}},
                "$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}}}}})",
             R"({"type":"OBJECT","properties":{"child":{"type":"OBJECT","properties":{"next":{"type":"OBJECT"}}}}})"},
        Case{"SurvivesReferencesToNothing", R"({"type":"object","properties":{"a":{"$ref":"#/nowhere"},
             "b":{"$ref":"https://elsewhere"}}})",
             R"({"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"}}})"},
        Case{"RequiresOnlyWhatIsThere",
             R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a","b"]})",
             R"({"type":"OBJECT","properties":{"a":{"type":"STRING"}},"required":["a"]})"},
        Case{"GivesEveryArrayItsItems", R"({"type":"array"})", R"({"type":"ARRAY","items":{"type":"STRING"}})"},
        Case{"TakesATupleAsItsItems", R"({"type":"array","prefixItems":[{"type":"string"},{"type":"number"}]})",
             R"({"type":"ARRAY","items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}})"},
        Case{"KeepsTheFormatsThatAreTaken",
             R"({"type":"object","properties":{"a":{"type":"string","format":"uri"},
                "b":{"type":"string","format":"date-time"},"c":{"type":"integer","format":"int64"}}})",
             R"({"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING","format":"date-time"},)"
             R"("c":{"type":"INTEGER","format":"int64"}}})"},
        // anomalyco/opencode 19276: a schema without a type.
        Case{"InfersTypes", R"({"properties":{"any":{},"list":{"items":{"type":"string"}},"yes":true}})",
             R"({"type":"OBJECT","properties":{"any":{"type":"STRING"},)"
             R"("list":{"type":"ARRAY","items":{"type":"STRING"}},"yes":{"type":"STRING"}}})"},
        // A property may be called as a keyword is.
        Case{"LeavesPropertiesTheirNames",
             R"({"type":"object","properties":{"$ref":{"type":"string"},"const":{"type":"string"},
                "properties":{"type":"object","properties":{"type":{"type":"string"}}}}})",
             R"({"type":"OBJECT","properties":{"$ref":{"type":"STRING"},"const":{"type":"STRING"},)"
             R"("properties":{"type":"OBJECT","properties":{"type":{"type":"STRING"}}}}})"}),
    [](const testing::TestParamInfo<Case>& tested) { return tested.param.name; });

TEST(GeminiSchemaSize, IsBoundedForReferencesThatMultiply) {
  std::string defs;
  for (int i = 0; i < 40; ++i)
    defs += "\"d" + std::to_string(i) + R"(":{"type":"object","properties":{"a":{"$ref":"#/$defs/d)" +
            std::to_string(i + 1) + R"("},"b":{"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}}},";
  const std::string out = convert(R"({"$ref":"#/$defs/d0","$defs":{)" + defs + R"("d40":{"type":"string"}}})");
  EXPECT_LT(out.size(), 400'000u);
  EXPECT_TRUE(nlohmann::json::accept(out));
}

TEST(GeminiSchemaSize, IsBoundedForDeepOnes) {
  std::string deep = R"({"type":"string"})";
  for (int i = 0; i < 200; ++i)
    deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_TRUE(nlohmann::json::accept(convert(deep)));
}

TEST(GeminiSchemaPresence, IsOfToolsWithParametersOnly) {
  const auto has = [](const std::string& text) {
    simdjson::dom::parser parser;
    return has_properties(parser.parse(text));
  };
  EXPECT_FALSE(has(R"({"type":"object"})"));
  EXPECT_FALSE(has(R"({"type":"object","properties":{},"additionalProperties":false})"));
  EXPECT_TRUE(has(R"({"type":"object","properties":{"a":{}}})"));
  EXPECT_TRUE(has(R"({"$ref":"#/$defs/A"})"));
}

}  // namespace
}  // namespace tollgate::gemini
