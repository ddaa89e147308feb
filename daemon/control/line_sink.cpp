#include "daemon/control/line_sink.hpp"

#include <algorithm>

namespace mjwatchd::control {

/// Cuts what came into lines and decodes them.
class LineSink::Lines final : public BulkSource {
 public:
  Lines(const Desk& desk, std::string gateway) : desk_(desk), gateway_(std::move(gateway)) {}

  void add(std::string_view bytes) { buffer_ += bytes; }
  void end() { ended_ = true; }

  std::optional<Item> next() override {
    while (const auto text = line()) {
      ++number_;
      const auto last = text->find_last_not_of(" \t\r");
      const auto first = text->find_first_not_of(" \t\r");
      if (first == std::string_view::npos) continue;
      return decode(text->substr(first, last - first + 1));
    }
    compact();
    return std::nullopt;
  }

 private:
  /// The next whole line; when the stream has ended, also one without an end.
  std::optional<std::string_view> line() {
    auto rest = std::string_view(buffer_).substr(begin_);
    const auto end = rest.find('\n', searched_);
    if (end == std::string_view::npos) {
      searched_ = rest.size();
      if (!ended_ || rest.empty()) return std::nullopt;
      begin_ = buffer_.size();
      searched_ = 0;
      return rest;
    }
    begin_ += end + 1;
    searched_ = 0;
    return rest.substr(0, end);
  }

  Item decode(std::string_view text) {
    Item item{{}, number_, Refusal{}};
    if (text.size() > kLongestLine) {
      item.wish = Refusal{"", "the line is longer than 256 KiB"};
      return item;
    }
    std::string wrong;
    const auto json = read_json(text, wrong);
    if (!json) {
      item.wish = Refusal{"", "not JSON: " + wrong.substr(wrong.starts_with("line 1, ") ? 8 : 0)};
      return item;
    }
    if (const auto* const id = json->find("id"); id != nullptr && id->is(Json::Kind::text)) item.id = id->text;
    item.wish = decode_line(*json, gateway_, desk_);
    return item;
  }

  void compact() {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }

  const Desk& desk_;
  std::string gateway_, buffer_;
  std::size_t begin_ = 0;     ///< of the next line
  std::size_t searched_ = 0;  ///< bytes of it that hold no line feed
  std::size_t number_ = 0;
  bool ended_ = false;
};

LineSink::LineSink(asio::io_context& io, Desk& desk, std::string gateway, std::function<void()> gone) {
  auto lines = std::make_unique<Lines>(desk, std::move(gateway));
  lines_ = lines.get();
  bulk_ = std::make_shared<Bulk>(io, desk, std::move(lines), std::move(gone));
}

void LineSink::piece(std::string_view bytes) {
  lines_->add(bytes);
  bulk_->pump();
}

void LineSink::finish(http::ResponderPtr to) {
  lines_->end();
  bulk_->finish(std::move(to));
}

}  // namespace mjwatchd::control
