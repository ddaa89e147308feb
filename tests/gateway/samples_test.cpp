// Each recorded shape says what it should.
#include <doctest/doctest.h>

#include "daemon/gateway/codec.hpp"
#include "daemon/gateway/json.hpp"
#include "daemon/gateway/links.hpp"
#include "daemon/gateway/merge.hpp"
#include "tests/gateway/fixture.hpp"

namespace mjwatchd::gateway::test {
namespace {

using Verdict = FetchReply::Verdict;

Snapshot one(const std::string& file, const std::string& id) {
  Decoded decoded = decode_one(fixture(file), id);
  CAPTURE(decoded.detail);
  REQUIRE(decoded.verdict == Verdict::answered);
  REQUIRE(decoded.tasks.size() == 1);
  CHECK(decoded.tasks[0].id == id);
  CHECK(decoded.tasks[0].digest != 0);
  return decoded.tasks[0];
}

std::int64_t ms(const std::optional<WallTime>& when) { return when ? when->time_since_epoch().count() : -1; }

}  // namespace

TEST_CASE("shape: the documented task in progress") {
  const Snapshot task = one("in_progress_documented.json", "1712158011464906");
  CHECK(task.status == Status::in_progress);
  CHECK(task.action == "IMAGINE");
  CHECK(task.progress == 65);
  CHECK(ms(task.submitted) == 1735689600000);
  CHECK(ms(task.started) == 1735689610000);
  CHECK_FALSE(task.finished);
  CHECK(picture_links(*task.json).empty());
}

TEST_CASE("shape: submitted, with nulls") {
  const Snapshot task = one("submitted.json", "5321180088413457");
  CHECK(task.status == Status::submitted);
  CHECK(task.action == "VARIATION");
  CHECK(task.progress == 0);
  CHECK_FALSE(task.finished);
}

TEST_CASE("shape: a failure of which only three fields are told") {
  const Snapshot task = one("failure_partial.json", "17");
  CHECK(task.status == Status::failure);
  CHECK_FALSE(task.progress);
}

TEST_CASE("shape: a task that waits for its user") {
  CHECK(one("modal_minimal.json", "modal-wait").status == Status::modal);
}

TEST_CASE("shape: a list with many further fields and without the id") {
  const Decoded decoded = decode_batch(fixture("in_progress_list.json"), {"1729072764329"});
  REQUIRE(decoded.tasks.size() == 1);
  CHECK(decoded.tasks[0].id == "1729072764329");
  CHECK(decoded.tasks[0].progress == 32);
  CHECK(ms(decoded.tasks[0].started) == 1729072767946);
  // Of several, nobody could say whose it is.
  CHECK(decode_batch(fixture("in_progress_list.json"), {"1", "2"}).verdict == Verdict::nonsense);
}

TEST_CASE("shape: a list of real successes") {
  const Decoded decoded = decode_batch(fixture("success_list.json"), {"1705301507336856", "7", "1705298817774894"});
  REQUIRE(decoded.verdict == Verdict::answered);
  REQUIRE(decoded.tasks.size() == 2);
  const Snapshot& task = decoded.tasks[0];
  CHECK(task.id == "1705298817774894");
  CHECK(task.status == Status::success);
  CHECK(task.progress == 100);
  CHECK(ms(task.submitted) == 1705298817774);
  CHECK(ms(task.started) == 1705298817775);
  CHECK(ms(task.finished) == 1705298852605);
  CHECK(ms(earliest_expiry(*task.json)) == 0x65b740a4LL * 1000);
  CHECK(merge_objects({}, *task.json).find("\"nonce\":\"1467884005067145216\"") != std::string::npos);
  CHECK(task.json->find("óscar") != std::string::npos);
}

TEST_CASE("shape: a success with buttons keeps every field as it was sent") {
  const std::string sent = fixture("success_with_buttons.json");
  const Snapshot task = one("success_with_buttons.json", "1748339029401828");
  CHECK(*task.json == write_json(*parse_json(sent)));
  CHECK(task.json->find(R"("emoji":"🔄","label":"","type":2)") != std::string::npos);
  CHECK(task.json->find(R"("imageHeight":2048)") != std::string::npos);
}

TEST_CASE("shape: wrapped, in seconds, FINISHED, buttons in rows") {
  const Snapshot task = one("wrapped_seconds.json", "1710816049856103374");
  CHECK(task.status == Status::success);
  CHECK(ms(task.submitted) == 1710903739000);
  CHECK(ms(task.finished) == 1710903844000);
  CHECK(picture_links(*task.json).at(0).url.starts_with("https://mine.example/a/cat.png"));
  CHECK(task.json->starts_with(R"({"id":"1710816049856103374")"));
}

TEST_CASE("shape: picture lists of objects with thumbnails") {
  const Snapshot task = one("image_urls_objects.json", "1790435480905028");
  const auto links = picture_links(*task.json);
  REQUIRE(links.size() == 3);
  CHECK(links[0].url == "https://cdn.example/merged.webp");
  CHECK(links[1].kind == PictureLink::Kind::part);
  CHECK(links[2].url == "https://cdn.example/1.png");
}

TEST_CASE("shape: a seed") {
  const auto seed = decode_seed(200, fixture("image_seed.json"));
  CHECK(seed.seed == "636646138");
  CHECK_FALSE(seed.retry);
}

}  // namespace mjwatchd::gateway::test
