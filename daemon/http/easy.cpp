#include "daemon/http/easy.hpp"

#include <new>

namespace mjwatchd::http {

Easy::Easy() : curl_(curl_easy_init()) {
  if (!curl_) throw std::bad_alloc();
}

void Easy::reset() {
  curl_easy_reset(get());
  headers_.reset();
  failure_ = CURLE_OK;
}

void Easy::text(CURLoption option, const std::string& value) {
  if (value.find('\0') != std::string::npos) return note(CURLE_BAD_FUNCTION_ARGUMENT);
  note(curl_easy_setopt(get(), option, value.c_str()));
}

void Easy::header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) return note(CURLE_OUT_OF_MEMORY);
  static_cast<void>(headers_.release());
  headers_.reset(longer);
}

long Easy::long_info(CURLINFO info) const {
  long value = 0;
  return curl_easy_getinfo(get(), info, &value) == CURLE_OK ? value : 0;
}

curl_off_t Easy::off_info(CURLINFO info) const {
  curl_off_t value = 0;
  return curl_easy_getinfo(get(), info, &value) == CURLE_OK ? value : 0;
}

std::string_view Easy::text_info(CURLINFO info) const {
  const char* value = nullptr;
  return curl_easy_getinfo(get(), info, &value) == CURLE_OK && value != nullptr ? value : std::string_view();
}

}  // namespace mjwatchd::http
