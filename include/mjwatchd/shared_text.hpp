// Text that several hold at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mjwatchd {

/// Text that is not changed any more, or a part of one. Copies share it; a part keeps the whole alive, so what is
/// to be kept for long takes an own() one. May be read by several threads.
class SharedText {
 public:
  /// None.
  SharedText() = default;
  explicit SharedText(std::string text)
      : whole_(std::make_shared<const std::string>(std::move(text))), text_(*whole_) {}
  /// `part` lies in `whole`.
  SharedText(std::shared_ptr<const std::string> whole, std::string_view part) : whole_(std::move(whole)), text_(part) {}

  explicit operator bool() const { return whole_ != nullptr; }
  [[nodiscard]] std::string_view operator*() const { return text_; }
  [[nodiscard]] const std::string_view* operator->() const { return &text_; }

  /// The same text, which keeps nothing else alive.
  [[nodiscard]] SharedText own() const {
    return whole_ && whole_->size() > text_.size() ? SharedText(std::string(text_)) : *this;
  }

 private:
  std::shared_ptr<const std::string> whole_;
  std::string_view text_;
};

}  // namespace mjwatchd
