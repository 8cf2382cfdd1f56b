#include "services/provider_adapter/sse/scanner.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace tollgate::sse {
namespace {

using Seen = std::vector<std::tuple<std::string, std::string, bool>>;

// What a scanner finds when the bytes come in pieces of these sizes, the rest at once.
struct Scanned {
  Seen events;
  std::size_t consumed = 0;
};

Scanned scan_pieces(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  Scanned run;
  Scanner scanner;
  std::string window;
  std::size_t at = 0;
  const auto step = [&](std::string_view piece, bool at_end) {
    window.append(piece);
    scanner.scan(window, at_end, [&run](const Event& event) {
      run.events.emplace_back(std::string(event.name), std::string(event.data), event.whole);
    });
    run.consumed += scanner.end();
    const std::size_t end = scanner.end();
    window.erase(0, end);
    scanner.consume(end);
  };
  for (const std::size_t size : sizes) {
    const std::string_view piece = bytes.substr(at, size);
    at += piece.size();
    step(piece, false);
  }
  step(bytes.substr(at), false);
  step("", true);
  return run;
}

struct Case {
  std::string name;
  std::string bytes;
  Seen events;
  // Bytes behind the last event.
  std::size_t tail = 0;
};

std::string with_line_ends(std::string text, std::string_view line_end) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result.append(line_end);
    } else {
      result.push_back(c);
    }
  }
  return result;
}

constexpr std::string_view kText =
    "event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
    "event: ping\ndata: {\"type\": \"ping\"}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

Seen text_events() {
  return {{"message_start", "{\"type\":\"message_start\"}", true},
          {"ping", "{\"type\": \"ping\"}", true},
          {"content_block_start", "{\"type\":\"content_block_start\",\"index\":0}", true},
          {"message_stop", "{\"type\":\"message_stop\"}", true}};
}

std::vector<Case> cases() {
  const std::string text(kText);
  return {
      {"line feeds", text, text_events()},
      {"both", with_line_ends(text, "\r\n"), text_events()},
      {"carriage returns", with_line_ends(text, "\r"), text_events()},
      {"mixed", "event: a\r\ndata: 1\n\revent: b\rdata: 2\r\n\r\n", {{"a", "1", true}, {"b", "2", true}}},
      {"byte order mark", "\xef\xbb\xbf" + text, text_events()},
      {"comments", ": hello\n\n:\nevent: a\n: in between\ndata: 1\n\n: bye\n\n", {{"a", "1", true}}},
      {"no space after the colon", "event:a\ndata:1\n\n", {{"a", "1", true}}},
      {"only one space is taken", "event: a\ndata:  1\n\n", {{"a", " 1", true}}},
      {"several data lines", "event: a\ndata: 1\ndata\ndata: 3\n\n", {{"a", "1\n\n3", true}}},
      {"no name", "data: 1\n\n", {{"", "1", true}}},
      {"no data", "event: a\n\nevent: b\ndata: 2\n\n", {{"b", "2", true}}},
      {"last name wins", "event: a\nevent: b\ndata: 2\n\n", {{"b", "2", true}}},
      {"unknown fields", "id: 7\nretry: 10\nevent: a\nfoo\ndata: 1\n\n", {{"a", "1", true}}},
      {"incomplete event", "event: a\ndata: 1\n\nevent: b\ndata: 2\n", {{"a", "1", true}}, 17},
      {"incomplete line", "event: a\ndata: 1\n\neve", {{"a", "1", true}}, 3},
      {"blank lines", "\n\n\r\n\revent: a\ndata: 1\n\n\n", {{"a", "1", true}}},
      {"empty", "", {}},
      {"empty data", "event: a\ndata:\n\n", {{"a", "", true}}},
  };
}

TEST(Scanner, FindsEventsAtOnce) {
  for (const Case& c : cases()) {
    const Scanned run = scan_pieces(c.bytes, {});
    EXPECT_EQ(run.events, c.events) << c.name;
    EXPECT_EQ(run.consumed, c.bytes.size() - c.tail) << c.name;
  }
}

TEST(Scanner, FindsTheSameAtEveryBoundary) {
  for (const Case& c : cases()) {
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      const Scanned run = scan_pieces(c.bytes, {cut});
      EXPECT_EQ(run.events, c.events) << c.name << " cut at " << cut;
      EXPECT_EQ(run.consumed, c.bytes.size() - c.tail) << c.name << " cut at " << cut;
    }
  }
}

TEST(Scanner, FindsTheSameInPiecesOfAnySize) {
  for (const Case& c : cases()) {
    for (std::size_t size = 1; size < 20; ++size) {
      const std::vector<std::size_t> sizes(c.bytes.size() / size, size);
      const Scanned run = scan_pieces(c.bytes, sizes);
      EXPECT_EQ(run.events, c.events) << c.name << " in pieces of " << size;
      EXPECT_EQ(run.consumed, c.bytes.size() - c.tail) << c.name << " in pieces of " << size;
    }
  }
}

TEST(Scanner, WaitsForTheSecondHalfOfALineEnd) {
  Scanner scanner;
  int events = 0;
  const auto count = [&events](const Event&) { ++events; };
  scanner.scan("data: 1\r\n\r", false, count);
  EXPECT_EQ(scanner.end(), 0u);
  scanner.scan("data: 1\r\n\r\n", false, count);
  EXPECT_EQ(scanner.end(), 11u);
  EXPECT_EQ(events, 1);
}

TEST(Scanner, EventLetGoInPartsIsNotWhole) {
  const std::string bytes = "event: big\ndata: 0123456789\n\nevent: next\ndata: 1\n\n";
  const std::size_t first_end = bytes.find("\n\n") + 2;
  for (std::size_t cut = 1; cut < first_end; ++cut) {
    Scanner scanner;
    Seen events;
    const auto note = [&events](const Event& event) {
      events.emplace_back(std::string(event.name), std::string(event.whole ? event.data : ""), event.whole);
    };
    scanner.scan(bytes.substr(0, cut), false, note);
    scanner.consume(cut);
    scanner.scan(bytes.substr(cut), false, note);
    ASSERT_EQ(events.size(), 2u) << cut;
    EXPECT_FALSE(std::get<2>(events[0])) << cut;
    if (cut > 10) {
      EXPECT_EQ(std::get<0>(events[0]), "big") << cut;
    }
    EXPECT_EQ(events[1], std::make_tuple("next", "1", true)) << cut;
    EXPECT_EQ(scanner.end(), bytes.size() - cut) << cut;
  }
}

TEST(Scanner, NamesTheEventUnderWay) {
  Scanner scanner;
  const auto ignore = [](const Event&) {};
  scanner.scan("event: content_block_start\ndata: {", false, ignore);
  EXPECT_EQ(scanner.name(), "content_block_start");
}

}  // namespace
}  // namespace tollgate::sse
