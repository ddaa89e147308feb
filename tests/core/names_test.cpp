#include "mjwatchd/names.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

using namespace mjwatchd;

namespace {

/// Each value up to `last` has a name of its own, by which it is found again.
template <typename Enum, typename Parse>
void check_names(Enum last, Parse parse) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<Enum>(i);
    CAPTURE(name(value));
    CHECK(names.insert(name(value)).second);
    CHECK(parse(name(value)) == value);
  }
  CHECK_FALSE(parse("no such word"));
  CHECK_FALSE(parse(""));
}

}  // namespace

TEST_CASE("every value that is written is read again") {
  check_names(Status::cancel, parse_status);
  check_names(Ending::lost, parse_ending);
  check_names(EventType::test, parse_event_type);
  check_names(SaveMode::none, parse_save_mode);
  check_names(BodyFormat::notify_hook, parse_body_format);
  check_names(DeliveryState::superseded, parse_delivery_state);
}

TEST_CASE("each phase has its word") {
  CHECK(name(Phase::watching) == "watching");
  CHECK(name(Phase::saving) == "saving");
  CHECK(name(Phase::late) == "late");
  CHECK(name(Phase::done) == "done");
}

TEST_CASE("each way to end has its event") {
  CHECK(event_of(Ending::succeeded) == EventType::succeeded);
  CHECK(event_of(Ending::failed) == EventType::failed);
  CHECK(event_of(Ending::cancelled) == EventType::cancelled);
  CHECK(event_of(Ending::expired) == EventType::expired);
  CHECK(event_of(Ending::lost) == EventType::lost);
}
