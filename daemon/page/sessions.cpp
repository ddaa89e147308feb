#include "daemon/page/sessions.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::page {
namespace {

constexpr std::size_t kMostLinks = 16, kMostClosed = 1000, kLongestSession = 160;

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), digest.data(), &size) ==
      nullptr) {
    throw std::runtime_error("HMAC-SHA256 is not available");
  }
  return hex(std::span(digest).first(size));
}

/// Of texts of one length: which of them differ does not show in the time this takes.
bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string random_hex(std::size_t bytes) {
  std::array<unsigned char, 64> buffer{};
  const auto size = std::min(bytes, buffer.size());
  if (RAND_bytes(buffer.data(), static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system has no random numbers");
  }
  return hex(std::span(buffer).first(size));
}

Sessions::Sessions(std::string_view token) : key_(hmac("mjwatchd: sessions of the page, version 1", token)) {}

std::string Sessions::signature(std::string_view text) const { return hmac(key_, text); }

std::string Sessions::make_link(WallTime now) {
  auto secret = random_hex(24);
  if (links_.size() >= kMostLinks) links_.pop_front();
  // Only a digest is kept, so that the memory of the daemon opens nothing.
  links_.push_back({signature("link " + secret), now + kLinkLife});
  return secret;
}

bool Sessions::use_link(std::string_view secret, WallTime now) {
  std::erase_if(links_, [&](const Link& link) { return link.until <= now; });
  const auto digest = signature("link " + std::string(secret));
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Link& link) { return same(link.digest, digest); });
  if (found == links_.end()) return false;
  links_.erase(found);
  return true;
}

std::string Sessions::open(WallTime now) const {
  const auto end = std::chrono::floor<std::chrono::seconds>((now + kSessionLife).time_since_epoch()).count();
  const auto text = std::to_string(end) + "." + random_hex(16);
  return text + "." + signature(text);
}

bool Sessions::good(std::string_view session, WallTime now) const {
  const auto dot = session.rfind('.');
  if (dot == std::string_view::npos || session.size() > kLongestSession) return false;
  if (!same(session.substr(dot + 1), signature(session.substr(0, dot)))) return false;
  std::int64_t end = 0;
  std::from_chars(session.data(), session.data() + session.size(), end);
  if (now.time_since_epoch() >= std::chrono::seconds(end)) return false;
  return std::find(closed_.begin(), closed_.end(), session) == closed_.end();
}

std::string Sessions::proof_of(std::string_view session) const { return signature("proof " + std::string(session)); }

bool Sessions::proves(std::string_view session, std::string_view proof) const { return same(proof_of(session), proof); }

void Sessions::close(std::string_view session, WallTime now) {
  if (!good(session, now)) return;
  if (closed_.size() >= kMostClosed) closed_.pop_front();
  closed_.emplace_back(session);
}

}  // namespace mjwatchd::page
