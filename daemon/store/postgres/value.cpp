#include "daemon/store/postgres/value.hpp"

#include <simdjson.h>

#include <array>
#include <utility>

#include "mjwatchd/utf8.hpp"

namespace mjwatchd::store::postgres {
namespace {

void put32(std::string& out, std::uint32_t number) {
  std::array<char, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (24 - 8 * i));
  out.append(bytes.data(), bytes.size());
}

}  // namespace

std::string clean(std::string_view text) {
  const bool zero = text.find('\0') != std::string_view::npos;
  if (!zero && simdjson::validate_utf8(text.data(), text.size())) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : utf8_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

void Array::add(std::string_view text) {
  ++count_;
  const bool as_it_is = kind_ == Kind::bytes || simdjson::validate_utf8(text.data(), text.size());
  if (as_it_is && (kind_ == Kind::bytes || text.find('\0') == std::string_view::npos)) {
    put32(elements_, static_cast<std::uint32_t>(text.size()));
    elements_ += text;
    return;
  }
  const std::string cleaned = clean(text);
  put32(elements_, static_cast<std::uint32_t>(cleaned.size()));
  elements_ += cleaned;
}

void Array::add_number(std::int64_t number) {
  ++count_;
  put32(elements_, 8);
  put32(elements_, static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) >> 32U));
  put32(elements_, static_cast<std::uint32_t>(static_cast<std::uint64_t>(number)));
}

void Array::add_nothing() {
  ++count_;
  put32(elements_, UINT32_MAX);
}

Value Array::take() {
  Value value(nullptr);
  value.null = false;
  value.binary = true;
  put32(value.bytes, count_ == 0 ? 0 : 1);  // dimensions
  put32(value.bytes, 1);                    // there may be NULLs
  put32(value.bytes, static_cast<std::uint32_t>(kind_));
  if (count_ != 0) {
    put32(value.bytes, count_);
    put32(value.bytes, 1);  // the first one's number
  }
  value.bytes += elements_;
  elements_.clear();
  count_ = 0;
  return value;
}

}  // namespace mjwatchd::store::postgres
