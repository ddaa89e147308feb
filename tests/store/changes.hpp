// Changes as the core asks for them, and the rules they meet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "daemon/store/rules.hpp"

namespace mjwatchd::store::test {

using namespace std::chrono_literals;
using Code = CommitResult::Code;

constexpr WallTime kNoon{std::chrono::seconds(1'700'000'000)};

/// The rules most tests live by: "app" hears the usual events, "all" everything, "ce" and "nh" in other formats.
StoreRules usual_rules();
change::Register registration(const std::string& id, WallTime at = kNoon);
change::Task running(const std::string& id, int progress, WallTime at = kNoon + 1min);
/// The task's start, told.
change::Task started(const std::string& id);
/// The task's end with SUCCESS, nothing to save.
change::Task success(const std::string& id, WallTime at = kNoon + 2min);
change::Task ended(const std::string& id, Ending ending, EventType type, WallTime at = kNoon + 2min);
Snapshot snapshot(const std::string& id, Status status, int progress, const std::string& more = {});
TaskKey key(const std::string& id, const std::string& gateway = "octopusx");
WebhookTarget endpoint(const std::string& name, std::optional<EventMask> events = std::nullopt);
WebhookTarget url(const std::string& address, const std::string& secret = "whsec_c2VjcmV0",
                  std::optional<EventMask> events = std::nullopt, BodyFormat format = BodyFormat::standard);
EventMask all_events();
/// Of so many tasks of an action, each of which ran for so many seconds.
std::string lessons(const std::string& action, int tasks, float run);
/// How many tasks of each action have taught it.
std::map<std::string, std::uint32_t> ends_in(const std::string& learned);

}  // namespace mjwatchd::store::test
