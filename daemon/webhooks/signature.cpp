#include "daemon/webhooks/signature.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <charconv>
#include <chrono>
#include <memory>

#include "daemon/webhooks/octets.hpp"

namespace mjwatchd::webhooks {
namespace {

constexpr std::int64_t kTolerance_s = 300;
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kPublicBytes = 32;
constexpr std::size_t kEd25519Bytes = 64;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view data) {
  std::string text((data.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets(data), static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// EVP_DecodeBlock wants padding and keeps it as zeros; secrets come with and without.
std::optional<std::string> unbase64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1 || text.size() > 4096) return std::nullopt;
  std::string data;
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    held = ((held << 6U) | static_cast<std::uint32_t>(value)) & 0xFFFFFFU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    data += static_cast<char>((held >> bits) & 0xFFU);
  }
  return data;
}

/// "id.timestamp.body", of which the body may be large and is not copied.
struct Signed {
  std::string head;
  std::string_view body;

  Signed(std::string_view id, std::string_view timestamp, std::string_view text) : body(text) {
    head.reserve(id.size() + timestamp.size() + 2);
    head.append(id).append(".").append(timestamp).append(".");
  }
  [[nodiscard]] std::string text() const { return head + std::string(body); }
};

/// HMAC-SHA256, looked up among OpenSSL's algorithms once and not for each webhook.
class Hmac {
 public:
  std::optional<std::string> of(std::string_view key, const Signed& message) {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    std::size_t length = 0;
    if (!context_ || !begin(key) || !take(message) ||
        EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(mac.data()), &length, mac.size()) != 1) {
      return std::nullopt;
    }
    mac.resize(length);
    return mac;
  }

 private:
  using Context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

  /// The next webhook is mostly for the same receiver: its key is prepared already.
  bool begin(std::string_view key) {
    if (!key_.empty() && key == key_) return EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
    key_.clear();
    if (EVP_MAC_init(context_.get(), octets(key), key.size(), nullptr) != 1) return false;
    key_ = key;
    return true;
  }

  bool take(const Signed& message) {
    return EVP_MAC_update(context_.get(), octets(message.head), message.head.size()) == 1 &&
           EVP_MAC_update(context_.get(), octets(message.body), message.body.size()) == 1;
  }

  static Context make() {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
    Context context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr, &EVP_MAC_CTX_free);
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 2> digests{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                            OSSL_PARAM_construct_end()};
    if (context && EVP_MAC_CTX_set_params(context.get(), digests.data()) != 1) context.reset();
    return context;
  }

  Context context_ = make();
  std::string key_;
};

std::optional<std::string> hmac(std::string_view key, const Signed& message) {
  thread_local Hmac hmac_of_thread;
  return hmac_of_thread.of(key, message);
}

Key private_key(const SigningKey& key) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(key.bytes), kSeedBytes), &EVP_PKEY_free};
}

std::optional<std::string> public_bytes(const SigningKey& key) {
  if (key.kind == SigningKey::Kind::ed25519_public) return key.bytes;
  if (key.kind != SigningKey::Kind::ed25519) return std::nullopt;
  const Key pair = private_key(key);
  std::string half(kPublicBytes, '\0');
  std::size_t length = half.size();
  if (!pair || EVP_PKEY_get_raw_public_key(pair.get(), reinterpret_cast<unsigned char*>(half.data()), &length) != 1) {
    return std::nullopt;
  }
  return half;
}

std::optional<std::string> ed25519_sign(const SigningKey& key, std::string_view message) {
  const Key pair = private_key(key);
  const Digest digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string signature(kEd25519Bytes, '\0');
  std::size_t length = signature.size();
  if (!pair || !digest || EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr, pair.get()) != 1 ||
      EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, octets(message),
                     message.size()) != 1) {
    return std::nullopt;
  }
  return signature;
}

bool ed25519_fits(const SigningKey& key, std::string_view signature, std::string_view message) {
  const auto half = public_bytes(key);
  if (!half || signature.size() != kEd25519Bytes) return false;
  const Key pub(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(*half), half->size()), &EVP_PKEY_free);
  const Digest digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return pub && digest && EVP_DigestVerifyInit(digest.get(), nullptr, nullptr, nullptr, pub.get()) == 1 &&
         EVP_DigestVerify(digest.get(), octets(signature), signature.size(), octets(message), message.size()) == 1;
}

bool fits(const SigningKey& key, std::string_view version, std::string_view signature, const Signed& message) {
  if (version == "v1a") return ed25519_fits(key, signature, message.text());
  if (version != "v1" || key.kind != SigningKey::Kind::symmetric) return false;
  const auto expected = hmac(key.bytes, message);
  return expected && expected->size() == signature.size() &&
         CRYPTO_memcmp(expected->data(), signature.data(), signature.size()) == 0;
}

std::optional<SigningKey> refuse(std::string* why, std::string_view reason) {
  if (why != nullptr) *why = reason;
  return std::nullopt;
}

}  // namespace

std::optional<SigningKey> parse_signing_key(std::string_view text, std::string* why) {
  SigningKey key;
  if (text.starts_with("whsk_")) {
    key.kind = SigningKey::Kind::ed25519;
  } else if (text.starts_with("whpk_")) {
    key.kind = SigningKey::Kind::ed25519_public;
  }
  const bool prefixed = text.starts_with("whsec_") || key.kind != SigningKey::Kind::symmetric;
  const auto decoded = unbase64(prefixed ? text.substr(text.find('_') + 1) : text);
  if (!decoded) return refuse(why, "a secret is whsec_ or whsk_ and base64; this is not base64");
  key.bytes = *decoded;
  const std::size_t size = key.bytes.size();
  switch (key.kind) {
    case SigningKey::Kind::symmetric:
      if (size < 24 || size > 64) return refuse(why, "a whsec_ secret has 24 to 64 bytes; this has another length");
      break;
    case SigningKey::Kind::ed25519:
      if (size != kSeedBytes && size != kSeedBytes + kPublicBytes) {
        return refuse(why, "a whsk_ key has 32 bytes, or 64 with its public half; this has another length");
      }
      if (size > kSeedBytes && public_bytes(key) != key.bytes.substr(kSeedBytes)) {
        return refuse(why, "the two halves of the whsk_ key do not belong together");
      }
      break;
    case SigningKey::Kind::ed25519_public:
      if (size != kPublicBytes) return refuse(why, "a whpk_ key has 32 bytes; this has another length");
      break;
  }
  return key;
}

std::optional<std::string> public_key(const SigningKey& key) {
  const auto half = public_bytes(key);
  if (!half) return std::nullopt;
  return "whpk_" + base64(*half);
}

std::optional<std::string> sign(const std::vector<SigningKey>& keys, std::string_view id, std::int64_t timestamp_s,
                                std::string_view body) {
  if (keys.empty() || id.empty()) return std::nullopt;
  const Signed message(id, std::to_string(timestamp_s), body);
  std::string all;
  for (const SigningKey& key : keys) {
    const bool symmetric = key.kind == SigningKey::Kind::symmetric;
    if (key.kind == SigningKey::Kind::ed25519_public) return std::nullopt;
    const auto signature = symmetric ? hmac(key.bytes, message) : ed25519_sign(key, message.text());
    if (!signature) return std::nullopt;
    if (!all.empty()) all += ' ';
    all += symmetric ? "v1," : "v1a,";
    all += base64(*signature);
  }
  return all;
}

Verification verify(const std::vector<SigningKey>& keys, std::string_view id, std::string_view timestamp,
                    std::string_view signatures, std::string_view body, WallTime now) {
  if (id.empty() || timestamp.empty() || signatures.empty() || keys.empty()) return Verification::incomplete;
  std::int64_t sent_s = 0;
  const auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), sent_s);
  if (error != std::errc() || end != timestamp.data() + timestamp.size()) return Verification::bad_timestamp;
  const std::int64_t now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (sent_s < now_s - kTolerance_s || sent_s > now_s + kTolerance_s) return Verification::bad_timestamp;

  const Signed message(id, timestamp, body);
  // "v1,AAA v1a,BBB"; headers that were joined by a proxy read "v1,AAA, v1a,BBB".
  std::string_view version;
  bool good = false;
  while (!signatures.empty()) {
    const std::size_t end_of_word = signatures.find_first_of(" ,\t");
    const std::string_view word = signatures.substr(0, end_of_word);
    signatures.remove_prefix(end_of_word == std::string_view::npos ? signatures.size() : end_of_word + 1);
    if (word.empty()) continue;
    if (word == "v1" || word == "v1a") {
      version = word;
      continue;
    }
    const auto signature = unbase64(word);
    if (signature) {
      for (const SigningKey& key : keys) good = fits(key, version, *signature, message) || good;
    }
    version = {};
  }
  return good ? Verification::good : Verification::bad_signature;
}

std::string_view describe(Verification verification) {
  switch (verification) {
    case Verification::good:
      return "good";
    case Verification::bad_signature:
      return "the signature fits no key";
    case Verification::bad_timestamp:
      return "the timestamp is not within 5 minutes of now";
    case Verification::incomplete:
      return "webhook-id, webhook-timestamp or webhook-signature is missing";
  }
  return "";
}

}  // namespace mjwatchd::webhooks
