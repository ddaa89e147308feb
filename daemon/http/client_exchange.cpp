#include "daemon/http/client_exchange.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "daemon/http/multi.hpp"

namespace mjwatchd::http {
namespace {

constexpr std::uint64_t kMostReserved = 1U << 20;

// What the answer says its body's length is; nothing when it says none. Longer than can be counted
// is the most that can.
std::optional<std::uint64_t> announced(const Response& head) {
  if (!head.header("transfer-encoding").empty()) return std::nullopt;  // which overrules the length
  const std::string_view text = head.header("content-length");
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

std::string bytes(std::uint64_t count) { return std::to_string(count) + " bytes"; }

microseconds time_of(const Easy& easy, CURLINFO info) { return microseconds(easy.off_info(info)); }

}  // namespace

Exchange::Exchange(Client::CallId id, Request request, Done done, const EndSoon& end_soon)
    : id_(id), request_(std::move(request)), done_(std::move(done)), end_soon_(end_soon) {}

std::unique_ptr<Easy> Exchange::release() {
  stall_timer.reset();
  // libcurl 7.88 counts how often a dead connection was replaced over a handle's life, and gives up at the sixth time.
  if (easy_ && (requests_ != 1 || ended())) easy_->likeness.reset();
  if (easy_) easy_->rest();
  return std::move(easy_);
}

void Exchange::end(Fault fault, std::string detail) {
  if (ended()) return;
  response_.fault = fault;
  response_.detail = one_line(std::move(detail));
}

Response Exchange::conclude(CURLcode code) {
  begun_ = begun_ || code != CURLE_OK;
  if (!upload_.trouble().empty()) end(Fault::aborted, upload_.trouble());
  if (!ended() && code != CURLE_OK) end(judge(code, situation()), describe(code, easy_->words(), request_));
  if (!ended() && !head_.complete()) end(Fault::broken, "the connection ended before an answer");
  if (easy_ && begun_) {
    Timings& timings = response_.timings;
    timings.dns = time_of(*easy_, CURLINFO_NAMELOOKUP_TIME_T);
    timings.connect = time_of(*easy_, CURLINFO_CONNECT_TIME_T);
    timings.tls = time_of(*easy_, CURLINFO_APPCONNECT_TIME_T);
    timings.first_byte = time_of(*easy_, CURLINFO_STARTTRANSFER_TIME_T);
    timings.total = time_of(*easy_, CURLINFO_TOTAL_TIME_T);
  }
  return std::move(response_);
}

Situation Exchange::situation() const {
  Situation now;
  now.proxied = proxied();
  now.proxy_tls = request_.proxy.starts_with("https:");
  now.secure = request_.url.size() > 4 && (request_.url[4] == 's' || request_.url[4] == 'S');
  now.unix_socket = !request_.unix_socket.empty();
  if (!easy_ || !begun_) return now;
  // CURLINFO_CONNECT_TIME_T stays 0 until proxy and TLS are through, too; a Unix socket has no address.
  now.connected = !easy_->text_info(CURLINFO_PRIMARY_IP).empty() || easy_->long_info(CURLINFO_REQUEST_SIZE) > 0;
  now.proxy_status = easy_->long_info(CURLINFO_HTTP_CONNECTCODE);
  now.proxy_error = easy_->long_info(CURLINFO_PROXY_ERROR);
  return now;
}

std::uint64_t Exchange::progress() const {
  if (!easy_) return 0;
  auto sum = static_cast<std::uint64_t>(easy_->off_info(CURLINFO_SIZE_DOWNLOAD_T));
  sum += static_cast<std::uint64_t>(easy_->off_info(CURLINFO_SIZE_UPLOAD_T));
  sum += static_cast<std::uint64_t>(easy_->long_info(CURLINFO_HEADER_SIZE) + easy_->long_info(CURLINFO_REQUEST_SIZE));
  for (const CURLINFO step : {CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T}) {
    sum += easy_->off_info(step) > 0 ? 1U : 0U;
  }
  return sum;
}

std::size_t Exchange::on_header(char* text, std::size_t size, std::size_t count, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  try {
    return exchange.take_line({text, size * count}) ? size * count : 0;
  } catch (const std::exception& error) {
    exchange.end(Fault::aborted, error.what());
    return 0;
  } catch (...) {
    exchange.end(Fault::aborted, "");
    return 0;
  }
}

std::size_t Exchange::on_piece(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  if (exchange.held && !exchange.ended()) {
    exchange.paused = true;
    return CURL_WRITEFUNC_PAUSE;  // and the same bytes once more later
  }
  try {
    return exchange.take_piece({bytes, size * count}) ? size * count : 0;
  } catch (const std::exception& error) {
    exchange.end(Fault::aborted, error.what());
    return 0;
  } catch (...) {
    exchange.end(Fault::aborted, "");
    return 0;
  }
}

bool Exchange::take_line(std::string_view line) {
  if (ended()) return false;
  switch (head_.line(line, response_)) {
    case HeadReader::Step::more:
      return true;
    case HeadReader::Step::complete:
      return take_head();
    case HeadReader::Step::too_long:
      end(Fault::broken, "the answer's headers are larger than " + bytes(HeadReader::kMostBytes));
      return false;
    case HeadReader::Step::switched:
      end(Fault::broken, "the answer switches to another protocol, which was not asked for");
      return false;
  }
  return false;
}

bool Exchange::take_head() {
  if (request_.on_head && !request_.on_head(response_)) {
    end(Fault::aborted, "not wanted after its headers");
  }
  if (ended()) return false;  // also by a cancel() from inside on_head
  const auto length = announced(response_);
  const bool bodiless = request_.method == "HEAD" || response_.status == 204 || response_.status == 304;
  if (!length || bodiless) return true;
  if (*length > request_.max_body && !request_.read_to_limit) {
    end(Fault::too_large, "the answer is " + bytes(*length) + ", more than " + bytes(request_.max_body));
    return false;
  }
  if (!request_.on_body) response_.body.reserve(std::min({*length, request_.keep_body, kMostReserved}));
  return true;
}

bool Exchange::take_piece(std::string_view piece) {
  if (ended()) return false;
  if (piece.size() > request_.max_body - received_) {
    end(Fault::too_large, "the answer is more than " + bytes(request_.max_body));
    return false;
  }
  received_ += piece.size();
  if (request_.on_body) {
    if (!request_.on_body(piece)) end(Fault::aborted, "not wanted after " + bytes(received_));
    return !ended();
  }
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(request_.keep_body, request_.max_body)) - response_.body.size();
  response_.truncated = response_.truncated || piece.size() > room;
  response_.body.append(piece.substr(0, room));
  return true;
}

/// Asks the guard. Once it has refused one of a host's addresses, curl may not try the others.
bool Exchange::allowed(const sockaddr& address) {
  if (ended()) return false;
  if (!guarded()) return true;
  auto why = request_.guard(address);
  if (!why) return true;
  end(Fault::refused_address, std::move(*why));
  end_soon_(*this);
  return false;
}

curl_socket_t Exchange::on_open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.begun_ = true;
  exchange.connected_ = false;
  try {
    if (!exchange.allowed(address->addr)) return CURL_SOCKET_BAD;
  } catch (...) {
    exchange.end(Fault::refused_address, "the address could not be judged");
    return CURL_SOCKET_BAD;
  }
  return exchange.multi_->open(*address);
}

/// Before the request is sent, also on a connection that was opened for another exchange.
int Exchange::on_connected(void* self, char* ip, char*, int port, int) noexcept {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.begun_ = exchange.connected_ = true;
  ++exchange.requests_;
  sockaddr_storage address{};
  auto& four = reinterpret_cast<sockaddr_in&>(address);
  auto& six = reinterpret_cast<sockaddr_in6&>(address);
  try {
    if (!exchange.guarded()) return exchange.ended() ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
    if (ip != nullptr && ::inet_pton(AF_INET, ip, &four.sin_addr) == 1) {
      four.sin_family = AF_INET;
      four.sin_port = htons(static_cast<std::uint16_t>(port));
    } else if (ip != nullptr && ::inet_pton(AF_INET6, ip, &six.sin6_addr) == 1) {
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(static_cast<std::uint16_t>(port));
    } else {
      exchange.end(Fault::refused_address, "the address connected to is not known");
      return CURL_PREREQFUNC_ABORT;
    }
    return exchange.allowed(reinterpret_cast<const sockaddr&>(address)) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
  } catch (...) {
    exchange.end(Fault::refused_address, "the address could not be judged");
    return CURL_PREREQFUNC_ABORT;
  }
}

void Exchange::set_callbacks() {
  easy_->pointer(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  easy_->pointer(CURLOPT_WRITEFUNCTION, &Exchange::on_piece);
  easy_->pointer(CURLOPT_OPENSOCKETFUNCTION, &Exchange::on_open);
  easy_->pointer(CURLOPT_CLOSESOCKETFUNCTION, &Multi::on_close);  // outlives the exchange, as connections do
  easy_->pointer(CURLOPT_CLOSESOCKETDATA, multi_);
  easy_->pointer(CURLOPT_PREREQFUNCTION, &Exchange::on_connected);
  easy_->use_words();
}

void Exchange::set_called_back() {
  easy_->pointer(CURLOPT_HEADERDATA, this);
  easy_->pointer(CURLOPT_WRITEDATA, this);
  easy_->pointer(CURLOPT_OPENSOCKETDATA, this);
  easy_->pointer(CURLOPT_PREREQDATA, this);
  easy_->pointer(CURLOPT_PRIVATE, this);
}

}  // namespace mjwatchd::http
