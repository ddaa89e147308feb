// The page's files.
#include "daemon/page/files.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace mjwatchd::page;

namespace {

/// Every "./x.js" or "/page/x" that a file names.
std::set<std::string> named_in(std::string_view text) {
  std::set<std::string> names;
  for (const std::string_view before : {"\"./", "\"/page/"}) {
    for (auto at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
      const auto begin = at + before.size();
      names.emplace(text.substr(begin, text.find('"', begin) - begin));
    }
  }
  return names;
}

}  // namespace

TEST_CASE("the page begins with index.html, and every file has a known type") {
  REQUIRE(find_file("index.html") != nullptr);
  CHECK(find_file("index.html")->body.starts_with("<!doctype html>"));
  CHECK(find_file("nothing.js") == nullptr);
  CHECK(find_file("") == nullptr);
  std::set<std::string_view> tags;
  for (const auto& file : files()) {
    CAPTURE(file.name);
    CHECK(content_type(file.name) != "application/octet-stream");
    CHECK(tags.insert(file.etag).second);
    CHECK(file.etag.front() == '"');
  }
  CHECK(content_type("x.exe") == "application/octet-stream");
}

TEST_CASE("what a file names is there") {
  std::size_t named = 0;
  for (const auto& file : files()) {
    for (const auto& name : named_in(file.body)) {
      CHECK_MESSAGE(find_file(name) != nullptr, file.name << " names " << name);
      ++named;
    }
  }
  CHECK(named > 10);
}

TEST_CASE("nothing is asked of anyone else, and nothing is inline") {
  for (const auto& file : files()) {
    CAPTURE(file.name);
    const auto svg = file.body.find("http://www.w3.org/2000/svg");
    for (const std::string_view scheme : {"http:", "https:", "ws:/"}) {
      for (auto at = file.body.find(scheme); at != std::string_view::npos; at = file.body.find(scheme, at + 1)) {
        CHECK(file.body.substr(at).starts_with("http://www.w3.org/2000/svg"));
        CHECK(svg != std::string_view::npos);
      }
    }
    for (const std::string_view unsafe : {"innerHTML", "eval(", "document.write", "onclick=\"", "<style", " style="}) {
      CHECK_MESSAGE(file.body.find(unsafe) == std::string_view::npos, unsafe);
    }
  }
}

TEST_CASE("the policy lets nothing in but the page's own files") {
  for (const std::string_view rule :
       {"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "base-uri 'none'",
        "frame-ancestors 'none'", "require-trusted-types-for 'script'"}) {
    CHECK(kPolicy.find(rule) != std::string_view::npos);
  }
  CHECK(kPolicy.find("unsafe") == std::string_view::npos);
}
