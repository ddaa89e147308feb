// One curl easy handle, and its list of request headers.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/likeness.hpp"

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
  /// Forgets what was its last request's alone. The options stay, and what they point to is to be set anew.
  void rest();

  void number(CURLoption option, long value) { note(curl_easy_setopt(get(), option, value)); }
  void size(CURLoption option, curl_off_t value) { note(curl_easy_setopt(get(), option, value)); }
  /// Copied by curl. A NUL inside is a failure, not an end.
  void text(CURLoption option, const std::string& value);
  /// Data or a callback. Not copied: must live as long as curl works on the handle.
  template <typename T>
  void pointer(CURLoption option, T* value) {
    note(curl_easy_setopt(get(), option, value));
  }
  /// Has curl say in words what went wrong.
  void use_words() { pointer(CURLOPT_ERRORBUFFER, words_.data()); }
  [[nodiscard]] const char* words() const { return words_.data(); }
  /// "Name: value" of the request, in two parts or one. Kept until rest() or reset().
  void header(std::string_view line, std::string_view more = {});
  /// To be called once, after the last header().
  void use_headers();

  [[nodiscard]] CURLcode failure() const { return failure_; }

  /// What it has been set for; forgotten by reset().
  std::optional<Likeness> likeness;

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

  std::array<char, CURL_ERROR_SIZE> words_{};
  // curl only reads the list. Made here it needs no memory anew for each request.
  std::string lines_;  ///< each ended by a NUL
  std::vector<std::size_t> starts_;
  std::vector<curl_slist> headers_;
  std::unique_ptr<CURL, Free> curl_;
  CURLcode failure_ = CURLE_OK;
};

}  // namespace mjwatchd::http
