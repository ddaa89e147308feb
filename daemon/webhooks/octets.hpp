// Text as OpenSSL takes it.
#pragma once

#include <string>
#include <string_view>

namespace mjwatchd::webhooks {

[[nodiscard]] inline const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
/// To be written to, from `at` on.
[[nodiscard]] inline unsigned char* octets(std::string& text, std::size_t at) {
  return reinterpret_cast<unsigned char*>(text.data()) + at;
}

}  // namespace mjwatchd::webhooks
