// Standard Webhooks signatures: made for what we send, checked by `mjwatch listen`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::webhooks {

/// A secret as its owner wrote it, decoded. Source: the Standard Webhooks specification, 1.0.
struct SigningKey {
  enum class Kind : std::uint8_t {
    symmetric,      ///< whsec_ + base64 of 24–64 bytes: v1, HMAC-SHA256
    ed25519,        ///< whsk_ + base64 of seed (32 bytes) or seed and public key (64): v1a
    ed25519_public  ///< whpk_ + base64 of 32 bytes: verifies only
  };
  Kind kind = Kind::symmetric;
  std::string bytes;
};

/// Base64 padded or not. Nothing when it cannot be used; `why` then gets a sentence that does not
/// show the secret. A text without prefix is taken as whsec_.
[[nodiscard]] std::optional<SigningKey> parse_signing_key(std::string_view text, std::string* why = nullptr);

/// The public half of an Ed25519 key, as "whpk_…", for receivers.
[[nodiscard]] std::optional<std::string> public_key(const SigningKey& key);

/// The value of webhook-signature: one signature for each key, space-separated, in their order.
/// Nothing when a key cannot sign or a part of the message is unusable (an id with a dot is fine).
[[nodiscard]] std::optional<std::string> sign(const std::vector<SigningKey>& keys, std::string_view id,
                                              std::int64_t timestamp_s, std::string_view body);

enum class Verification : std::uint8_t { good, bad_signature, bad_timestamp, incomplete };

/// Checks a received webhook: good when any of the signatures (all values of the header, joined by
/// spaces or commas or given as several headers joined so) fits any of the keys, and the timestamp
/// is at most 5 minutes from `now`. Compares in constant time.
[[nodiscard]] Verification verify(const std::vector<SigningKey>& keys, std::string_view id, std::string_view timestamp,
                                  std::string_view signatures, std::string_view body, WallTime now);

/// "good", "the signature fits no key", …
[[nodiscard]] std::string_view describe(Verification verification);

}  // namespace mjwatchd::webhooks
