// SHA-256 of bytes that come in pieces.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mjwatchd::images {

/// Throws std::runtime_error when OpenSSL refuses, which it does not while memory lasts.
class Digest {
 public:
  Digest();
  void add(std::string_view bytes);
  /// Lower-case hex of all that was added. Ends it: nothing can be added afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// Of all that can be read from a file, from where it stands. Nothing when reading fails.
[[nodiscard]] std::optional<std::string> digest_of(int file);

}  // namespace mjwatchd::images
