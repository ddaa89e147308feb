// One curl easy handle, and its list of request headers.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::http {

/// Owns a CURL*. The setters never throw: the first failure is remembered in failure(), so that a
/// request's many options are judged once. Not copied, not moved: curl holds pointers to it.
class Easy {
 public:
  /// Throws std::bad_alloc.
  Easy();

  [[nodiscard]] CURL* get() const { return curl_.get(); }

  /// Forgets every option and failure; connections and names known to the multi handle stay.
  void reset();

  void number(CURLoption option, long value) { note(curl_easy_setopt(get(), option, value)); }
  void size(CURLoption option, curl_off_t value) { note(curl_easy_setopt(get(), option, value)); }
  /// Copied by curl. A NUL inside is a failure, not an end.
  void text(CURLoption option, const std::string& value);
  /// Data or a callback. Not copied: must live until reset() or the handle's end.
  template <typename T>
  void pointer(CURLoption option, T* value) {
    note(curl_easy_setopt(get(), option, value));
  }
  /// "Name: value" of the request, in two parts or one. Kept until reset().
  void header(std::string_view line, std::string_view more = {});
  /// To be called once, after the last header().
  void use_headers();

  [[nodiscard]] CURLcode failure() const { return failure_; }

  [[nodiscard]] long long_info(CURLINFO info) const;
  [[nodiscard]] curl_off_t off_info(CURLINFO info) const;
  /// Valid until curl is called again.
  [[nodiscard]] std::string_view text_info(CURLINFO info) const;

 private:
  struct Free {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };

  void note(CURLcode code) {
    if (failure_ == CURLE_OK) failure_ = code;
  }

  // curl only reads the list. Made here it needs no memory anew for each request.
  std::string lines_;  ///< each ended by a NUL
  std::vector<std::size_t> starts_;
  std::vector<curl_slist> headers_;
  std::unique_ptr<CURL, Free> curl_;
  CURLcode failure_ = CURLE_OK;
};

}  // namespace mjwatchd::http
