#include "daemon/client/connection.hpp"

#include <curl/curl.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace mjwatchd::client {

namespace {

constexpr std::size_t kMostBody = 256U << 20;

void check(CURLcode code, const char* what) {
  if (code != CURLE_OK) throw Trouble(Exit::error, std::string(what) + ": " + curl_easy_strerror(code));
}

/// What a running exchange hands to the write callback.
struct Taking {
  CURL* easy;
  Answer& answer;
  const Call& call;
  bool ended = false;     ///< on_piece had enough
  bool too_much = false;  ///< the body is beyond all reason
};

std::size_t take(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& taking = *static_cast<Taking*>(user);
  const std::size_t size = one * count;
  long status = 0;
  if (curl_easy_getinfo(taking.easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) return 0;
  if (taking.call.on_piece && status >= 200 && status < 300) {
    taking.ended = !taking.call.on_piece(std::string_view(bytes, size));
    return taking.ended ? 0 : size;
  }
  if (taking.answer.body.size() + size > kMostBody) {
    taking.too_much = true;
    return 0;
  }
  taking.answer.body.append(bytes, size);
  return size;
}

std::size_t take_head(char* bytes, std::size_t one, std::size_t count, void* user) {
  std::string_view line(bytes, one * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  static_cast<Taking*>(user)->call.on_head(line);
  return one * count;
}

/// Why nobody answers at the socket, asked of the system itself: curl says only "couldn't connect".
std::string why_unreachable(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return socket + ": the path is too long for a socket (107 bytes)";
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::string("cannot make a socket: ") + std::strerror(errno);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = result == 0 ? 0 : errno;
  if (::close(fd) != 0) return "cannot close a socket";
  if (error == EACCES || error == EPERM) {
    return "no permission to use " + socket +
           "\nAdd yourself to its group, then log in again: sudo usermod -aG mjwatchd-client \"$USER\"";
  }
  if (error == ENOENT) {
    return "no daemon at " + socket +
           "\nIs it running? systemctl status mjwatchd   (another socket: --socket PATH or MJWATCH_SOCKET)";
  }
  if (error == ECONNREFUSED) return "nobody answers at " + socket + "\nIs it running? systemctl status mjwatchd";
  return "the daemon at " + socket + " closed the connection" +
         (error == 0 ? "" : std::string(": ") + std::strerror(error)) +
         "\nSee: systemctl status mjwatchd; journalctl -u mjwatchd";
}

using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());  // the longer list owns it now
  list.reset(longer);
}

}  // namespace

Connection::Connection(std::string socket) : socket_(std::move(socket)), easy_(curl_easy_init()) {
  if (easy_ == nullptr) throw Trouble(Exit::error, "libcurl cannot be started");
}

Connection::~Connection() { curl_easy_cleanup(easy_); }

Answer Connection::call(const Call& call) {
  auto* easy = static_cast<CURL*>(easy_);
  curl_easy_reset(easy);
  Answer answer;
  Taking taking{easy, answer, call};
  HeaderList headers(nullptr, &curl_slist_free_all);
  append(headers, "Expect:");
  for (const auto& line : call.headers) append(headers, line);
  const std::string url = "http://localhost" + call.path;
  check(curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str()), "socket");
  check(curl_easy_setopt(easy, CURLOPT_URL, url.c_str()), "url");
  check(curl_easy_setopt(easy, CURLOPT_PROXY, ""), "proxy");
  check(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L), "nosignal");
  check(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str()), "method");
  check(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L), "timeout");
  check(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call.timeout_ms), "timeout");
  if (call.method != "GET") {
    append(headers, "Content-Type: " + call.content_type);
    check(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str()), "body");
    check(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size())), "body");
  }
  check(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get()), "headers");
  check(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take), "writer");
  check(curl_easy_setopt(easy, CURLOPT_WRITEDATA, &taking), "writer");
  if (call.on_head) {
    check(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_head), "head");
    check(curl_easy_setopt(easy, CURLOPT_HEADERDATA, &taking), "head");
  }
  const auto code = curl_easy_perform(easy);
  long status = 0;
  check(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status), "status");
  answer.status = static_cast<int>(status);
  if (code == CURLE_OK || taking.ended) return answer;
  if (taking.too_much) throw Trouble(Exit::error, "the daemon's answer is larger than 256 MiB");
  if (code == CURLE_OPERATION_TIMEDOUT) throw Trouble(Exit::time_up, "time is up: the daemon did not answer");
  if (status == 0) throw Trouble(Exit::unreachable, why_unreachable(socket_));
  throw Trouble(Exit::error, std::string("the daemon's answer broke off: ") + curl_easy_strerror(code));
}

Answer Connection::need(const Call& call) {
  auto answer = this->call(call);
  if (!answer.good()) throw Trouble(Exit::error, problem_text(answer));
  return answer;
}

std::string problem_text(const Answer& answer) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(answer.body.data(), answer.body.size());
  if (!document.HasParseError() && document.IsObject()) {
    for (const char* key : {"detail", "title"}) {
      const auto found = document.FindMember(key);
      if (found != document.MemberEnd() && found->value.IsString() && found->value.GetStringLength() > 0) {
        return found->value.GetString();
      }
    }
  }
  std::string text = "the daemon answered " + std::to_string(answer.status);
  if (!answer.body.empty()) text += ": " + answer.body.substr(0, 200);
  return text;
}

}  // namespace mjwatchd::client
