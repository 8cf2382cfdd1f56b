#include "services/common/telemetry/trace_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using testing::Pair;

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
const std::string kParent = "00-" + kTrace + "-" + kSpan + "-01";

struct Case {
  std::string name;
  std::string value;
  // -1: malformed.
  int flags;
};

class Traceparent : public testing::TestWithParam<Case> {};

TEST_P(Traceparent, IsReadStrictly) {
  const std::optional<TraceContext> trace = parse_traceparent(GetParam().value);
  ASSERT_EQ(trace.has_value(), GetParam().flags >= 0);
  if (!trace)
    return;
  EXPECT_EQ(trace->trace_id, kTrace);
  EXPECT_EQ(trace->span_id, kSpan);
  EXPECT_EQ(trace->flags, GetParam().flags);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Traceparent,
    testing::Values(Case{"sampled", kParent, 1}, Case{"not_sampled", "00-" + kTrace + "-" + kSpan + "-00", 0},
                    Case{"random", "00-" + kTrace + "-" + kSpan + "-03", 3},
                    Case{"unknown_flags_are_dropped", "00-" + kTrace + "-" + kSpan + "-ff", 3}, Case{"empty", "", -1},
                    Case{"too_short", kParent.substr(0, 54), -1}, Case{"too_long", kParent + "0", -1},
                    Case{"version_00_goes_on", kParent + "-00", -1}, Case{"trailing_blank", kParent + " ", -1},
                    Case{"leading_blank", " " + kParent, -1},
                    Case{"upper_case_trace", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", -1},
                    Case{"upper_case_span", "00-" + kTrace + "-00F067AA0BA902B7-01", -1},
                    Case{"upper_case_flags", "00-" + kTrace + "-" + kSpan + "-0A", -1},
                    Case{"upper_case_version", "0A-" + kTrace + "-" + kSpan + "-01", -1},
                    Case{"no_hex", "00-" + kTrace.substr(0, 31) + "g-" + kSpan + "-01", -1},
                    Case{"trace_of_zeros", "00-" + std::string(32, '0') + "-" + kSpan + "-01", -1},
                    Case{"span_of_zeros", "00-" + kTrace + "-" + std::string(16, '0') + "-01", -1},
                    Case{"version_ff", "ff-" + kTrace + "-" + kSpan + "-01", -1},
                    Case{"later_version", "01-" + kTrace + "-" + kSpan + "-01", 1},
                    Case{"later_version_goes_on", "cc-" + kTrace + "-" + kSpan + "-01-what-the-future-brings", 1},
                    Case{"later_version_with_a_hyphen_only", "cc-" + kTrace + "-" + kSpan + "-01-", 1},
                    Case{"later_version_goes_on_without_hyphen", "cc-" + kTrace + "-" + kSpan + "-01.what", -1},
                    Case{"other_separator", "00_" + kTrace + "_" + kSpan + "_01", -1},
                    Case{"separator_moved", "00-" + kTrace + "0-" + kSpan.substr(1) + "-01", -1},
                    Case{"a_zero_byte", "00-" + kTrace + "-" + kSpan + "-0" + std::string(1, '\0'), -1},
                    Case{"not_ascii", "00-" + kTrace.substr(0, 30) + "\xc3\xa9-" + kSpan + "-01", -1}),
    [](const auto& tested) { return tested.param.name; });

TEST(Tracestate, IsJoinedWhereItIsWellFormed) {
  const std::pair<std::vector<std::string_view>, std::string> cases[] = {
      {{}, ""},
      {{""}, ""},
      {{"a=1"}, "a=1"},
      {{"a=1,b=2"}, "a=1,b=2"},
      {{"a=1", "b=2"}, "a=1,b=2"},
      {{" a=1 \t,\t b=2 ,, "}, "a=1,b=2"},
      {{"t@v=x y", "0a=!~"}, "t@v=x y,0a=!~"},
      {{"a_-*/=1"}, "a_-*/=1"},
      // Malformed: nothing of it.
      {{"a"}, ""},
      {{"=1"}, ""},
      {{"a="}, ""},
      {{"A=1"}, ""},
      {{"_a=1"}, ""},
      {{"a=1=2"}, ""},
      {{"a=1,a=2"}, ""},
      {{"a=1", "a=2"}, ""},
      {{"a=\x01"}, ""},
      {{"a=\xc3\xa9"}, ""},
      {{"a=1\r\nx: y"}, ""},
      {{"a b=1"}, ""},
  };
  for (const auto& [values, joined] : cases)
    EXPECT_EQ(joined_tracestate(values), joined) << testing::PrintToString(values);
}

TEST(Tracestate, HasItsLengths) {
  EXPECT_EQ(joined_tracestate({std::string(256, 'a') + "=1"}).size(), 258u);
  EXPECT_EQ(joined_tracestate({std::string(257, 'a') + "=1"}), "");
  EXPECT_EQ(joined_tracestate({"a=" + std::string(256, 'x')}).size(), 258u);
  EXPECT_EQ(joined_tracestate({"a=" + std::string(257, 'x')}), "");
  std::string members;
  for (int i = 0; i < 32; ++i)
    members.append("k").append(std::to_string(i)).append("=1,");
  EXPECT_NE(joined_tracestate({members}), "");
  EXPECT_EQ(joined_tracestate({members + "k32=1"}), "");
  const std::string half = "=" + std::string(252, 'x');
  EXPECT_EQ(joined_tracestate({"ab" + half + ",cd" + half}).size(), 511u);
  EXPECT_EQ(joined_tracestate({"abc" + half + ",cd" + half}).size(), 512u);
  EXPECT_EQ(joined_tracestate({"abc" + half + ",cde" + half}), "");
}

TEST(EnterTrace, GoesOnWithTheCallersTraceInASpanOfItsOwn) {
  const TraceContext trace = enter_trace({kParent}, {"a=1", "b=2"});
  EXPECT_EQ(trace.trace_id, kTrace);
  EXPECT_NE(trace.span_id, kSpan);
  EXPECT_EQ(trace.flags, 1);
  EXPECT_EQ(trace.state, "a=1,b=2");
  EXPECT_TRUE(parse_traceparent(trace.traceparent()));
  // An unsampled one stays so, and a later version is answered in ours.
  EXPECT_EQ(enter_trace({"cc-" + kTrace + "-" + kSpan + "-00-x"}, {}).traceparent().substr(0, 36),
            "00-" + kTrace + "-");
  EXPECT_EQ(enter_trace({"00-" + kTrace + "-" + kSpan + "-00"}, {}).flags, 0);
}

TEST(EnterTrace, BeginsANewOneForNoneAMalformedOneAndSeveral) {
  const std::vector<std::vector<std::string_view>> parents = {{}, {""}, {"00-x"}, {kParent, kParent}};
  std::set<std::string> traces;
  std::set<std::string> spans;
  for (int round = 0; round < 100; ++round) {
    for (const auto& parent : parents) {
      const TraceContext trace = enter_trace(parent, {"a=1"});
      EXPECT_NE(trace.trace_id, kTrace);
      EXPECT_EQ(trace.state, "") << "it belongs to the trace that was not understood";
      EXPECT_THAT(trace.traceparent(), MatchesRegex("00-[0-9a-f]+-[0-9a-f]+-01"));
      EXPECT_TRUE(parse_traceparent(trace.traceparent())) << trace.traceparent();
      traces.insert(trace.trace_id);
      spans.insert(trace.span_id);
    }
  }
  EXPECT_EQ(traces.size(), 400u);
  EXPECT_EQ(spans.size(), 400u);
}

void add(const std::string& name, const std::string& value, TraceHeaders& headers) {
  v1::Header& header = *headers.Add();
  header.set_name(name);
  header.set_value(value);
}

std::vector<std::pair<std::string, std::string>> pairs(const TraceHeaders& headers) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const v1::Header& header : headers)
    all.emplace_back(header.name(), header.value());
  return all;
}

TEST(TraceHeaders, CarryItOnceAndKeepTheRest) {
  TraceHeaders headers;
  add("TraceParent", kParent, headers);
  add("x-a", "1", headers);
  add("tracestate", "a=1", headers);
  add("TRACESTATE", "b=2", headers);
  add("traceparent2", "kept", headers);
  const TraceContext trace = enter_trace(headers);
  EXPECT_EQ(trace.trace_id, kTrace);
  EXPECT_THAT(pairs(headers), ElementsAre(Pair("x-a", "1"), Pair("traceparent2", "kept"),
                                          Pair("traceparent", trace.traceparent()), Pair("tracestate", "a=1,b=2")));
  EXPECT_TRUE(carries_trace(headers));
  EXPECT_THAT(trace_of(headers), ElementsAre(Pair("traceparent", trace.traceparent()), Pair("tracestate", "a=1,b=2")));
  remove_trace(headers);
  EXPECT_THAT(pairs(headers), ElementsAre(Pair("x-a", "1"), Pair("traceparent2", "kept")));
  EXPECT_FALSE(carries_trace(headers));
}

TEST(TraceHeaders, WhatIsMalformedNeverBecomesMetadata) {
  for (const std::string& value : {std::string("00-x"), kParent + "\r\n", std::string("\xff")}) {
    TraceHeaders headers;
    add("traceparent", value, headers);
    add("tracestate", "a=1", headers);
    EXPECT_TRUE(trace_of(headers).empty());
  }
  TraceHeaders twice;
  add("traceparent", kParent, twice);
  add("traceparent", kParent, twice);
  EXPECT_TRUE(trace_of(twice).empty());
  TraceHeaders bad_state;
  add("traceparent", kParent, bad_state);
  add("tracestate", "\x01", bad_state);
  EXPECT_THAT(trace_of(bad_state), ElementsAre(Pair("traceparent", kParent)));
}

}  // namespace
}  // namespace tollgate
