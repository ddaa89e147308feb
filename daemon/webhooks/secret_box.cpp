#include "daemon/webhooks/secret_box.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>
#include <stdexcept>

#include "daemon/webhooks/octets.hpp"

namespace mjwatchd::webhooks {
namespace {

// A sealed text is: version (1 byte), nonce (12), ciphertext, tag (16).
constexpr std::size_t kKeyBytes = 32;
constexpr int kNonceBytes = 12;
constexpr int kTagBytes = 16;
constexpr char kVersion = 1;
constexpr std::size_t kOverhead = 1 + kNonceBytes + kTagBytes;
constexpr std::size_t kLongest = 1U << 20U;  ///< secrets are short; OpenSSL counts in int

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void check(int answer, const char* what) {
  if (answer != 1) throw std::runtime_error(std::string("sealing a secret: ") + what + " failed");
}

Cipher new_cipher() {
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (!cipher) throw std::bad_alloc();
  return cipher;
}

}  // namespace

SecretBox::SecretBox(std::string_view key) : key_(key) {
  if (key_.size() != kKeyBytes) throw std::invalid_argument("the key that seals secrets must be 32 bytes");
}

std::string SecretBox::seal(std::string_view clear, std::string_view context) const {
  if (clear.size() > kLongest || context.size() > kLongest)
    throw std::length_error("a secret is too long to be sealed");
  std::string sealed(kOverhead + clear.size(), '\0');
  sealed[0] = kVersion;
  check(RAND_bytes(octets(sealed, 1), kNonceBytes), "RAND_bytes");
  const Cipher cipher = new_cipher();
  check(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, octets(key_), octets(sealed, 1)), "EncryptInit");
  int written = 0;
  check(EVP_EncryptUpdate(cipher.get(), nullptr, &written, octets(context), static_cast<int>(context.size())),
        "EncryptUpdate");
  std::size_t at = 1 + kNonceBytes;
  check(EVP_EncryptUpdate(cipher.get(), octets(sealed, at), &written, octets(clear), static_cast<int>(clear.size())),
        "EncryptUpdate");
  at += static_cast<std::size_t>(written);
  check(EVP_EncryptFinal_ex(cipher.get(), octets(sealed, at), &written), "EncryptFinal");
  at += static_cast<std::size_t>(written);
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, octets(sealed, at)), "GET_TAG");
  return sealed;
}

std::optional<std::string> SecretBox::open(std::string_view sealed, std::string_view context) const {
  if (sealed.size() < kOverhead || sealed.size() > kOverhead + kLongest || context.size() > kLongest) {
    return std::nullopt;
  }
  if (sealed[0] != kVersion) return std::nullopt;
  const std::size_t length = sealed.size() - kOverhead;
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string clear(length + 1, '\0');  // never of size 0, so that its address is one
  const Cipher cipher = new_cipher();
  check(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, octets(key_), octets(sealed) + 1), "DecryptInit");
  int written = 0;
  check(EVP_DecryptUpdate(cipher.get(), nullptr, &written, octets(context), static_cast<int>(context.size())),
        "DecryptUpdate");
  check(EVP_DecryptUpdate(cipher.get(), octets(clear, 0), &written, octets(sealed) + 1 + kNonceBytes,
                          static_cast<int>(length)),
        "DecryptUpdate");
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, octets(tag, 0)), "SET_TAG");
  int rest = 0;
  if (EVP_DecryptFinal_ex(cipher.get(), octets(clear, static_cast<std::size_t>(written)), &rest) != 1) {
    return std::nullopt;
  }
  clear.resize(length);
  return clear;
}

}  // namespace mjwatchd::webhooks
