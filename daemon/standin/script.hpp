// What a task of the stand-in will say, and when: its script, recorded in a trace or made up.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::standin {

using std::chrono::milliseconds;

/// From `at` after its submission on, the task answers with this status and progress.
struct Step {
  milliseconds at{};
  std::string status;    ///< "SUBMITTED", "IN_PROGRESS", …
  std::string progress;  ///< "46%"; may be empty
};

/// One task, told in advance. Steps are in order of time; there is at least one.
struct Script {
  std::string id;
  std::string action = "IMAGINE";
  milliseconds submit{};  ///< after the start of the stand-in
  std::vector<Step> steps;
  std::string prompt;
  std::string fail_reason;      ///< for FAILURE; empty: a usual one
  std::string seed;             ///< digits; empty: made from the id
  std::optional<int> pictures;  ///< how many; nothing: what is usual for the action
};

/// One line of a trace: {"id","action","submit_ms","timeline":[[offset_ms,"STATUS","progress"],…]}.
/// Throws std::invalid_argument that says what is wrong with it.
[[nodiscard]] Script parse_trace_line(std::string_view line);

/// A whole trace; empty lines are skipped. Throws std::runtime_error "NAME:LINE: what is wrong".
[[nodiscard]] std::vector<Script> read_trace(std::istream& in, const std::string& name);

/// What a made-up task shall be like.
struct Wish {
  std::string id;
  std::string action = "IMAGINE";
  std::string ending = "SUCCESS";        ///< SUCCESS, FAILURE, CANCEL, MODAL (waits for ever), or NEVER
  std::optional<milliseconds> duration;  ///< from submission to end; nothing: as recorded ones took
  std::uint64_t seed = 1;
};

/// A script as real tasks were seen to go: a short queue, 11–13 s to the first step, then 15–16
/// points every 6–8 s, the end some 8 s after 93 %; whole durations are drawn around recorded ones
/// (IMAGINE 28–112 s, UPSCALE 1–11 s). Deterministic: the same wish makes the same script.
[[nodiscard]] Script make_up(const Wish& wish);

/// Inserts a wait of `how_long` in status MODAL before the work begins.
void wait_for_modal(Script& script, milliseconds how_long);
/// Delays everything that follows 93 %.
void stall_at_93(Script& script, milliseconds how_long);

/// A well-mixed 64-bit number of a text: what is drawn "by id" is drawn from it. Stable across runs
/// and machines (FNV-1a with a final mix).
[[nodiscard]] std::uint64_t digest(std::string_view text, std::uint64_t seed = 0);

}  // namespace mjwatchd::standin
