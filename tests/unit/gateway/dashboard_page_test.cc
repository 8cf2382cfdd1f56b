#include "gateway/dashboard_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tollgate {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr DashboardFile kFiles[] = {
    {"assets/page-1a2b.js", "text/javascript", "aaaa", "script", "packed"},
    {"assets/type-3c4d.woff2", "font/woff2", "bbbb", "font", ""},
    {"index.html", "text/html", "cccc", "page", "packed page"},
};

Answer get(std::string_view target, std::vector<HeaderField> fields = {}) {
  return dashboard_page(kFiles, {.target = target, .fields = std::move(fields)});
}

TEST(DashboardPage, ViewsAreThePageAndFilesAreFiles) {
  for (std::string_view target :
       {"/dashboard/", "/dashboard/?by=key", "/dashboard/requests", "/dashboard/requests/gen-1", "/dashboard/../secret",
        "/dashboard/%2e%2e/x", "/dashboard//"}) {
    const Answer page = get(target);
    EXPECT_EQ(page.status, 200u) << target;
    EXPECT_EQ(page.body, "page") << target;
    EXPECT_THAT(page.headers, HasSubstr("cache-control: no-cache\r\n"));
  }
  EXPECT_EQ(get("/dashboard/assets/page-1a2b.js").body, "script");
  EXPECT_EQ(get("/dashboard/assets/page-1a2b.js?x").body, "script");
}

TEST(DashboardPage, OnlyHashedNamesAreKeptForGood) {
  EXPECT_THAT(get("/dashboard/assets/page-1a2b.js").headers, HasSubstr("max-age=31536000, immutable"));
  EXPECT_THAT(get("/dashboard/index.html").headers, HasSubstr("cache-control: no-cache\r\n"));
  // An old page that asks for an old script must not get the page for it.
  const Answer gone = get("/dashboard/assets/page-0000.js");
  EXPECT_EQ(gone.status, 404u);
  EXPECT_THAT(gone.headers, HasSubstr("text/plain"));
}

TEST(DashboardPage, CompressedForThoseWhoTakeIt) {
  for (const char* accepted : {"gzip", "br, gzip;q=0.5", "deflate , gzip"}) {
    const Answer packed = get("/dashboard/", {{"accept-encoding", accepted}});
    EXPECT_EQ(packed.body, "packed page") << accepted;
    EXPECT_THAT(packed.headers, HasSubstr("content-encoding: gzip\r\n"));
    EXPECT_THAT(packed.headers, HasSubstr("vary: accept-encoding\r\n"));
  }
  for (const char* accepted : {"", "br", "gzip;q=0", "x-gzip2"})
    EXPECT_EQ(get("/dashboard/", {{"accept-encoding", accepted}}).body, "page") << accepted;
  EXPECT_EQ(get("/dashboard/assets/type-3c4d.woff2", {{"accept-encoding", "gzip"}}).body, "font");
}

TEST(DashboardPage, WhatTheBrowserHasIsNotSentAgain) {
  for (const char* tag : {"\"cccc\"", "W/\"cccc\"", "\"x\", \"cccc\"", "*"}) {
    const Answer same = get("/dashboard/", {{"if-none-match", tag}});
    EXPECT_EQ(same.status, 304u) << tag;
    EXPECT_EQ(same.body, "");
    EXPECT_THAT(head_of(same, false), Not(HasSubstr("content-length")));
  }
  // Of the other encoding.
  EXPECT_EQ(get("/dashboard/", {{"if-none-match", "\"cccc-gz\""}}).status, 200u);
  EXPECT_EQ(get("/dashboard/", {{"if-none-match", "\"cccc\""}, {"accept-encoding", "gzip"}}).status, 200u);
}

TEST(DashboardPage, LeadsBehindTheSlash) {
  const Answer moved = get("/dashboard?since=7d&by=key");
  EXPECT_EQ(moved.status, 308u);
  EXPECT_THAT(moved.headers, HasSubstr("location: /dashboard/?since=7d&by=key\r\n"));
}

TEST(DashboardPage, EverythingIsLockedDown) {
  for (const char* target : {"/dashboard", "/dashboard/", "/dashboard/assets/page-1a2b.js", "/dashboard/assets/none"}) {
    const std::string headers = get(target).headers;
    EXPECT_THAT(headers, HasSubstr("content-security-policy: default-src 'none';")) << target;
    EXPECT_THAT(headers, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(headers, Not(HasSubstr("unsafe")));
    EXPECT_THAT(headers, HasSubstr("x-content-type-options: nosniff\r\n"));
  }
}

TEST(DashboardPage, WithoutOneSaysHowToBuildIt) {
  const Answer absent = dashboard_page({}, {.target = "/dashboard/", .fields = {}});
  EXPECT_EQ(absent.status, 404u);
  EXPECT_THAT(absent.body, HasSubstr("-DTOLLGATE_DASHBOARD=ON"));
}

}  // namespace
}  // namespace tollgate
