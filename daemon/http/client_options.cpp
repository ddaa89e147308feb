// How a Request becomes curl's options.
#include <algorithm>
#include <string_view>

#include "daemon/http/client_exchange.hpp"
#include "daemon/http/header_text.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {
namespace {

constexpr std::size_t kLongestMethod = 32;
constexpr milliseconds kLongest = std::chrono::hours(24 * 20);  // curl counts 31 bits of milliseconds

std::string_view name_of(std::string_view line) { return line.substr(0, line.find(':')); }

// Zero is "none" to curl; what is over already must end, not last forever.
long to_ms(milliseconds time) {
  if (time.count() == 0) return 0;
  return static_cast<long>(std::clamp(time, milliseconds(1), kLongest).count());
}

}  // namespace

/// Why the request can't be made; empty when it can. Says nothing of a header's value, which may be
/// a secret.
std::string Exchange::wrong_request() const {
  const bool http = same_letters(std::string_view(request_.url).substr(0, 7), "http://") ||
                    same_letters(std::string_view(request_.url).substr(0, 8), "https://");
  if (!http) return "the URL does not begin with http:// or https://";
  if (request_.method.size() > kLongestMethod || !is_token(request_.method)) return "the method is not an HTTP token";
  for (const std::string& line : request_.headers) {
    const std::string_view name = name_of(line);
    if (name.size() == line.size() || !is_token(name)) return "a header is not of the form \"Name: value\"";
    if (has_control(line)) return "the header " + std::string(name) + " has a control character in its value";
  }
  return {};
}

bool Exchange::prepare(std::unique_ptr<Easy> easy, Multi& multi) {
  easy_ = std::move(easy);
  multi_ = &multi;
  if (const std::string wrong = wrong_request(); !wrong.empty()) {
    end(Fault::invalid_url, wrong);
    return false;
  }
  if (!request_.upload_file.empty()) {
    const std::string why = upload_.open(request_.upload_file, request_.upload_offset, request_.upload_length);
    if (!why.empty()) {
      end(Fault::aborted, why);
      return false;
    }
  }
  set_what_lasts();
  set_method();
  set_headers();
  set_called_back();
  if (easy_->failure() == CURLE_OK) return true;
  end(judge(easy_->failure(), situation()), describe(easy_->failure(), "", request_));
  return false;
}

void Exchange::set_what_lasts() {
  if (easy_->failure() == CURLE_OK && easy_->likeness && easy_->likeness->fits(request_)) return;
  easy_->reset();
  if (Likeness::plain(request_)) easy_->likeness.emplace(request_);
  easy_->text(CURLOPT_URL, request_.url);
  easy_->text(CURLOPT_PROTOCOLS_STR, "http,https");
  easy_->number(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  easy_->number(CURLOPT_FOLLOWLOCATION, 0);
  easy_->number(CURLOPT_NETRC, CURL_NETRC_IGNORED);
  set_limits();
  set_route();
  set_tls();
  set_callbacks();
}

void Exchange::set_method() {
  const std::string& method = request_.method;
  if (upload_.opened()) {
    upload_.apply(*easy_);
    if (method != "GET" && method != "PUT") easy_->text(CURLOPT_CUSTOMREQUEST, method);
    return;
  }
  if (method == "HEAD") return easy_->number(CURLOPT_NOBODY, 1);
  const bool empties = method == "POST" || method == "PUT" || method == "PATCH";
  if (request_.body || empties) {
    static constexpr char nothing = '\0';
    easy_->number(CURLOPT_POST, 1);
    easy_->pointer(CURLOPT_POSTFIELDS, request_.body ? request_.body->data() : &nothing);
    easy_->size(CURLOPT_POSTFIELDSIZE_LARGE, request_.body ? static_cast<curl_off_t>(request_.body->size()) : 0);
    if (method != "POST") easy_->text(CURLOPT_CUSTOMREQUEST, method);
    return;
  }
  easy_->number(CURLOPT_HTTPGET, 1);
  if (method != "GET") easy_->text(CURLOPT_CUSTOMREQUEST, method);
}

/// curl reads "Name:" as "leave it out" and "Name;" as "send it empty".
void Exchange::set_headers() {
  bool typed = false, named = false;
  for (const std::string& line : request_.headers) {
    const std::string_view name = name_of(line);
    if (same_letters(name, "expect")) continue;
    typed = typed || same_letters(name, "content-type");
    named = named || same_letters(name, "user-agent");
    const bool blank = line.find_first_not_of(" \t", name.size() + 1) == std::string::npos;
    easy_->header(blank ? name : std::string_view(line), blank ? ";" : "");
  }
  // libcurl 7.88 signs also what is to be left out, and no server has that: a signed request keeps them.
  const bool signs = !request_.aws_sigv4.empty();
  if (!signs) easy_->header("Expect:");
  if (!typed && !signs) easy_->header("Content-Type:");
  static constexpr char agent[] = "mjwatchd/" MJWATCHD_VERSION;
  easy_->pointer(CURLOPT_USERAGENT, named ? static_cast<const char*>(nullptr) : &agent[0]);
  easy_->use_headers();
  if (request_.accept_encoding) easy_->text(CURLOPT_ACCEPT_ENCODING, "");
  if (!request_.userpwd.empty()) easy_->text(CURLOPT_USERPWD, request_.userpwd);
  if (!request_.aws_sigv4.empty()) easy_->text(CURLOPT_AWS_SIGV4, request_.aws_sigv4);
}

void Exchange::set_limits() {
  easy_->number(CURLOPT_CONNECTTIMEOUT_MS, to_ms(request_.connect_timeout));
  easy_->number(CURLOPT_TIMEOUT_MS, to_ms(request_.timeout));
  if (request_.read_at_once > 0) easy_->number(CURLOPT_BUFFERSIZE, static_cast<long>(request_.read_at_once));
  easy_->number(CURLOPT_NOSIGNAL, 1);
  easy_->number(CURLOPT_QUICK_EXIT, 1);  // never wait for a name lookup nobody wants any more
  easy_->number(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(request_.connection_life.count()));
}

/// Where to connect. Without a proxy of our own, those of the environment are not used either.
void Exchange::set_route() {
  easy_->text(CURLOPT_PROXY, proxied() ? request_.proxy : std::string());
  easy_->text(CURLOPT_NOPROXY, "");
  easy_->number(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
  easy_->number(CURLOPT_TCP_KEEPALIVE, 1);
  if (!request_.unix_socket.empty()) easy_->text(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket);
}

void Exchange::set_tls() {
  easy_->number(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  easy_->number(CURLOPT_SSL_VERIFYPEER, 1);
  easy_->number(CURLOPT_SSL_VERIFYHOST, 2);
  easy_->number(CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  easy_->number(CURLOPT_PROXY_SSL_VERIFYPEER, 1);
  easy_->number(CURLOPT_PROXY_SSL_VERIFYHOST, 2);
  if (!request_.ca_file.empty()) {
    easy_->text(CURLOPT_CAINFO, request_.ca_file);
    easy_->pointer(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // these and no others
  }
  if (!request_.client_cert_file.empty()) easy_->text(CURLOPT_SSLCERT, request_.client_cert_file);
}

}  // namespace mjwatchd::http
