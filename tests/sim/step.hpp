// What is to be done at some moment of a simulation.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

namespace mjwatchd::sim {

/// Something to call, kept where it stands: a clock has thousands of these, and whatever asks for memory costs more
/// than most of what is done in a step. So it takes only what is small and can be copied as bytes.
class Step {
 public:
  template <typename What>
  static constexpr bool takes = sizeof(What) <= 3 * sizeof(void*) &&
                                alignof(What) <= alignof(void*) && std::is_trivially_copyable_v<What>;

  template <typename What>
  requires takes<What>
  explicit Step(const What& what) : run_([](std::byte* held) { (*std::launder(reinterpret_cast<What*>(held)))(); }) {
    ::new (static_cast<void*>(held_)) What(what);
  }
  void operator()() { run_(held_); }

 private:
  void (*run_)(std::byte* held);
  alignas(void*) std::byte held_[3 * sizeof(void*)];
};

}  // namespace mjwatchd::sim
