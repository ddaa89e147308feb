// bare_poster URL FILE AT_ONCE [HEADER…]: posts each line of FILE with these headers, so many at once, with libcurl's
// multi interface and nothing else: nothing is signed, recorded, judged or retried. What a sender could reach at most.
#include <curl/curl.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

class Poster {
 public:
  Poster(std::string url, std::vector<std::string> bodies, const std::vector<std::string>& headers)
      : url_(std::move(url)), bodies_(std::move(bodies)) {
    headers_ = curl_slist_append(headers_, "Expect:");
    for (const std::string& line : headers) headers_ = curl_slist_append(headers_, line.c_str());
  }

  /// Answers how many were answered with a 2xx.
  std::size_t run(std::size_t at_once) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(at_once));
    for (std::size_t i = 0; i < at_once; ++i) post_next(make());
    int running = 1;
    while (running > 0) {
      curl_multi_perform(multi_, &running);
      running += take();
      if (running > 0) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    return good_;
  }

 private:
  static std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

  CURL* make() {
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Poster::drop);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
  }

  /// True when there was one.
  bool post_next(CURL* easy) {
    if (next_ == bodies_.size()) return false;
    const std::string& body = bodies_[next_++];
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_multi_add_handle(multi_, easy);
    return true;
  }

  /// Answers how many were begun.
  int take() {
    int begun = 0, left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      CURL* easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (message->data.result == CURLE_OK && status / 100 == 2) ++good_;
      curl_multi_remove_handle(multi_, easy);
      if (post_next(easy)) ++begun;
    }
    return begun;
  }

  std::string url_;
  std::vector<std::string> bodies_;
  curl_slist* headers_ = nullptr;
  CURLM* multi_ = curl_multi_init();
  std::size_t next_ = 0, good_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: bare_poster URL FILE AT_ONCE [HEADER…]\n";
    return 2;
  }
  std::ifstream in(argv[2]);
  std::vector<std::string> bodies;
  for (std::string line; std::getline(in, line);) bodies.push_back(std::move(line));
  const std::size_t count = bodies.size();
  Poster poster(argv[1], std::move(bodies), {argv + 4, argv + argc});
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t good = poster.run(std::stoul(argv[3]));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << static_cast<double>(good) / took.count() << "\n";
  return good == count ? 0 : 1;
}
