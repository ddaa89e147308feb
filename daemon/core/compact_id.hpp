#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mjwatchd {

/// A task's id in eight bytes: nearly all are whole numbers of at most 18 digits and are kept as such;
/// others lie outside. Never changes once it is set.
class CompactId {
 public:
  CompactId() = default;
  explicit CompactId(std::string_view id) {
    if (is_number(id)) {
      bits_ = bits_of(id);
    } else if (!id.empty()) {
      auto text = std::make_unique<std::string>(id);
      bits_ = reinterpret_cast<std::uintptr_t>(text.release());  // even: it is aligned
    }
  }
  ~CompactId() {
    if (outside()) delete text();
  }
  CompactId(const CompactId&) = delete;
  CompactId& operator=(const CompactId&) = delete;
  CompactId(CompactId&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  CompactId& operator=(CompactId&& other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }

  [[nodiscard]] std::string str() const {
    if (outside()) return *text();
    return bits_ == 0 ? std::string() : std::to_string(bits_ >> 1U);
  }
  [[nodiscard]] bool operator==(const CompactId& other) const {
    if (outside() && other.outside()) return *text() == *other.text();
    return bits_ == other.bits_;
  }
  [[nodiscard]] bool operator==(std::string_view id) const {
    return is_number(id) ? bits_ == bits_of(id) : outside() ? *text() == id : bits_ == 0 && id.empty();
  }
  /// Spread over all bits.
  [[nodiscard]] std::uint64_t hash() const {
    return spread(outside() ? std::hash<std::string_view>{}(*text()) : bits_);
  }
  /// The hash that an id has once it is kept.
  [[nodiscard]] static std::uint64_t hash(std::string_view id) {
    return spread(is_number(id) ? bits_of(id) : id.empty() ? 0 : std::hash<std::string_view>{}(id));
  }

 private:
  static std::uint64_t spread(std::uint64_t h) {
    h = (h ^ (h >> 33U)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33U);
  }
  static std::uint64_t bits_of(std::string_view id) {
    std::uint64_t number = 0;
    for (const char c : id) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    return number << 1U | 1U;
  }
  /// Only what std::to_string() gives back as it was.
  static bool is_number(std::string_view id) {
    if (id.empty() || id.size() > 18 || (id.size() > 1 && id.front() == '0')) return false;
    for (const char c : id) {
      if (c < '0' || c > '9') return false;
    }
    return true;
  }
  [[nodiscard]] bool outside() const { return bits_ != 0 && (bits_ & 1U) == 0; }
  [[nodiscard]] const std::string* text() const { return reinterpret_cast<const std::string*>(bits_); }

  std::uintptr_t bits_ = 0;  ///< 0: none; odd: a number; even: where the text is
  static_assert(sizeof(std::uintptr_t) == sizeof(std::uint64_t));
};

}  // namespace mjwatchd
