#include "daemon/images/digest.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <vector>

#include "mjwatchd/ascii.hpp"

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
  return hex(std::span(raw).first(count));
}

std::optional<std::string> digest_of(int file) {
  Digest digest;
  std::vector<char> piece(256U << 10);
  for (;;) {
    const ssize_t got = ::read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return digest.finish();
    digest.add({piece.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace mjwatchd::images
