#include "daemon/images/digest.hpp"

#include <array>
#include <stdexcept>

namespace mjwatchd::images {

namespace {
void check(int result) {
  if (result != 1) throw std::runtime_error("SHA-256 is not to be had from OpenSSL");
}
}  // namespace

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  check(context_ ? 1 : 0);
  check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Digest::add(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned count = 0;
  check(EVP_DigestFinal_ex(context_.get(), raw.data(), &count));
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < count; ++i) {
    hex.push_back(kHex[raw[i] >> 4U]);
    hex.push_back(kHex[raw[i] & 15U]);
  }
  return hex;
}

}  // namespace mjwatchd::images
