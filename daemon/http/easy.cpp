#include "daemon/http/easy.hpp"

#include <new>

namespace mjwatchd::http {

Easy::Easy() : curl_(curl_easy_init()) {
  if (!curl_) throw std::bad_alloc();
}

void Easy::reset() {
  curl_easy_reset(get());
  rest();
  likeness.reset();
  failure_ = CURLE_OK;
}

void Easy::rest() {
  words_.front() = '\0';
  lines_.clear();
  starts_.clear();
  headers_.clear();
}

void Easy::text(CURLoption option, const std::string& value) {
  if (value.find('\0') != std::string::npos) return note(CURLE_BAD_FUNCTION_ARGUMENT);
  note(curl_easy_setopt(get(), option, value.c_str()));
}

void Easy::header(std::string_view line, std::string_view more) {
  starts_.push_back(lines_.size());
  lines_.append(line).append(more).push_back('\0');
}

void Easy::use_headers() {
  for (const std::size_t start : starts_) headers_.push_back({lines_.data() + start, nullptr});
  for (std::size_t i = 1; i < headers_.size(); ++i) headers_[i - 1].next = &headers_[i];
  pointer(CURLOPT_HTTPHEADER, headers_.empty() ? nullptr : headers_.data());
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
