// Where a scenario's tasks and their deliveries are found without a search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

namespace mjwatchd::sim {

/// The number in a task's id, which is "t" and digits; 0 for what is no such id, else 1 more.
[[nodiscard]] inline std::size_t task_place(std::string_view id) {
  constexpr std::size_t kMostDigits = 8;
  if (id.size() < 2 || id.size() > 1 + kMostDigits || id.front() != 't') return 0;
  std::uint32_t number = 0;
  for (const char c : id.substr(1)) {
    const auto digit = static_cast<std::uint32_t>(c - '0');
    if (digit > 9) return 0;
    number = number * 10 + digit;
  }
  return number + 1;
}

/// Something for each task of a scenario, by its id: the simulated ids differ whatever the gateway is.
/// All that are no tasks share one.
template <typename Thing>
class ByTask {
 public:
  ByTask() = default;
  ByTask(const ByTask& other) {
    for (const auto& some : other.things_) things_.push_back(std::make_unique<Chunk>(*some));
  }
  ByTask(ByTask&&) noexcept = default;
  ByTask& operator=(ByTask other) noexcept {
    things_.swap(other.things_);
    return *this;
  }
  ~ByTask() = default;

  Thing& operator[](std::string_view id) {
    const std::size_t place = task_place(id);
    if (place / kTogether >= things_.size()) [[unlikely]]
      grow(place);
    return (*things_[place / kTogether])[place % kTogether];
  }
  /// At the place of a task for which there is one.
  [[nodiscard]] const Thing& at(std::size_t place) const { return (*things_[place / kTogether])[place % kTogether]; }
  [[nodiscard]] Thing& at(std::size_t place) { return (*things_[place / kTogether])[place % kTogether]; }
  /// Nothing, or one that is as it was made, when it was never asked for.
  [[nodiscard]] const Thing* find(std::string_view id) const {
    const std::size_t place = task_place(id);
    return place / kTogether < things_.size() ? &(*things_[place / kTogether])[place % kTogether] : nullptr;
  }
  /// In the order of the numbers, with some that were never asked for.
  [[nodiscard]] auto all() {
    return things_ | std::views::transform([](auto& some) -> Chunk& { return *some; }) | std::views::join;
  }
  [[nodiscard]] auto all() const {
    return things_ | std::views::transform([](auto& some) -> const Chunk& { return *some; }) | std::views::join;
  }
  void clear() { things_.clear(); }

 private:
  static constexpr std::size_t kTogether = 64;
  using Chunk = std::array<Thing, kTogether>;

  [[gnu::noinline]] void grow(std::size_t place) {
    while (place / kTogether >= things_.size()) things_.push_back(std::make_unique<Chunk>());
  }

  std::vector<std::unique_ptr<Chunk>> things_;  ///< what it holds never moves
};

/// Rows of a table by their numbers, which run from 1 on.
template <typename Row>
class Rows {
 public:
  [[nodiscard]] const Row* find(std::int64_t no) const {
    return no > 0 && static_cast<std::size_t>(no) <= rows_.size() ? &rows_[static_cast<std::size_t>(no) - 1] : nullptr;
  }
  [[nodiscard]] Row* find(std::int64_t no) { return const_cast<Row*>(std::as_const(*this).find(no)); }
  [[nodiscard]] std::int64_t next() const { return static_cast<std::int64_t>(rows_.size()) + 1; }
  /// As number next().
  void add(Row row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] auto begin() { return rows_.begin(); }
  [[nodiscard]] auto end() { return rows_.end(); }
  [[nodiscard]] auto begin() const { return rows_.begin(); }
  [[nodiscard]] auto end() const { return rows_.end(); }

 private:
  std::deque<Row> rows_;
};

/// Something for each pair of a task and a receiver, by the numbers that the disk and the scenario gave them.
template <typename Thing>
class ByChain {
 public:
  explicit ByChain(std::size_t receivers) : receivers_(receivers) {}
  Thing& operator()(std::int64_t task, std::size_t receiver) {
    const std::size_t place = static_cast<std::size_t>(task) * receivers_ + receiver;
    if (place >= things_.size()) things_.resize(place + 1);
    return things_[place];
  }
  [[nodiscard]] Thing get(std::int64_t task, std::size_t receiver) const {
    const std::size_t place = static_cast<std::size_t>(task) * receivers_ + receiver;
    return place < things_.size() ? things_[place] : Thing{};
  }
  void clear() { things_.clear(); }

 private:
  std::size_t receivers_;
  std::deque<Thing> things_;
};

}  // namespace mjwatchd::sim
