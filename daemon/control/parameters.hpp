// What stands in a request's query, checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/control/problem.hpp"
#include "mjwatchd/ports.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::control {

/// Reads one request's query. The first thing wrong is kept, and everything after it reads as absent,
/// so that a caller reads all it needs and then asks once. `request` must outlive it.
class Parameters {
 public:
  explicit Parameters(const http::ServerRequest& request) : request_(request) {}

  /// Refuses parameters that are none of `allowed`, and those given twice.
  Parameters& only(const std::vector<std::string>& allowed);

  [[nodiscard]] std::string text(std::string_view name);
  [[nodiscard]] std::optional<bool> truth(std::string_view name);
  /// 1 … 1000; 100 when it is absent.
  [[nodiscard]] std::size_t limit();
  /// What `next_cursor` said; 0 when it is absent.
  [[nodiscard]] std::int64_t cursor();
  /// "30s", at most a day.
  [[nodiscard]] std::optional<milliseconds> duration(std::string_view name);
  [[nodiscard]] std::optional<Status> status();
  [[nodiscard]] std::optional<DeliveryState> delivery_state();
  /// At most eight words, 200 bytes in all.
  [[nodiscard]] std::vector<std::string> words(std::string_view name);
  /// A moment as people write it; see moment.hpp.
  [[nodiscard]] std::optional<WallTime> moment(std::string_view name, WallTime now);
  /// Comma-separated endings; none when it is absent.
  [[nodiscard]] std::vector<Ending> endings();
  /// Comma-separated event types; all when it is absent.
  [[nodiscard]] EventMask types();

  [[nodiscard]] const std::optional<Problem>& wrong() const { return wrong_; }

 private:
  [[nodiscard]] std::optional<std::string_view> given(std::string_view name) const;
  void refuse(std::string_view name, const std::string& what);

  const http::ServerRequest& request_;
  std::optional<Problem> wrong_;
};

/// A number that the store gave out; nothing for any other text.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);

[[nodiscard]] TaskQuery task_query(Parameters& from, WallTime now);
[[nodiscard]] DeliveryQuery delivery_query(Parameters& from);

}  // namespace mjwatchd::control
