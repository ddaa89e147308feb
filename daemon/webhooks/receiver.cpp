#include "daemon/webhooks/receiver.hpp"

#include <curl/curl.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "mjwatchd/ascii.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::webhooks {
namespace {

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(CURLU* url, CURLUPart what, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return hex(std::span(digest).first(length));
}

std::string origin_of(const std::string& url) {
  const Url parsed(curl_url(), &curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return url;
  return lower(part(parsed.get(), CURLUPART_SCHEME, 0)) + "://" + lower(part(parsed.get(), CURLUPART_HOST, 0)) + ":" +
         part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

ReceiverRef receiver_of(const WebhookTarget& target) {
  if (!target.endpoint.empty()) return {target.endpoint, target.endpoint};
  // A line feed cannot stand in a URL, so that no two pairs look alike.
  const std::string identity = target.url + "\n" + std::string(name(target.format));
  return {"url:" + sha256_hex(identity).substr(0, 32), "origin:" + origin_of(target.url)};
}

}  // namespace mjwatchd::webhooks
