#include "tests/http/client_nginx.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace mjwatchd::http::test {
namespace {

constexpr const char* kProgram = "/usr/sbin/nginx";

// Runs a program with these arguments; in the child, `listener` (if any) is open under its number.
pid_t spawn(const std::vector<std::string>& words, int listener) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const std::string inherited = std::to_string(listener) + ";";
  sigset_t ending, before;  // held back until the child has no handlers of the test's any more
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &ending, &before);
  const pid_t process = ::fork();
  if (process == 0) {
    ::signal(SIGTERM, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (process != 0) return process;
  if (listener >= 0) {
    ::fcntl(listener, F_SETFD, 0);
    ::setenv("NGINX", inherited.c_str(), 1);  // how nginx is handed sockets that listen already
  }
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, 1);
  ::dup2(null, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

int listen_on_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, plain, size) != 0 || ::listen(fd, 64) != 0 || ::getsockname(fd, plain, &size) != 0) {
    throw std::runtime_error("nginx's port cannot be had");
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

Certificates::Certificates() {
  char folder[] = "/tmp/mjwatchd-tls-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = folder;
}

Certificates::~Certificates() { std::filesystem::remove_all(folder_); }

std::string Certificates::of(const std::string& name, const std::string& host) {
  const std::string path = folder_ + "/" + name + ".pem";
  if (std::filesystem::exists(path)) return path;
  const pid_t process =
      spawn({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=" + host, "-keyout", path, "-out", path + ".crt"},
            -1);
  int status = -1;
  if (process < 0 || ::waitpid(process, &status, 0) != process || status != 0) {
    throw std::runtime_error("openssl req made no certificate");
  }
  std::ofstream(path, std::ios::app) << std::ifstream(path + ".crt").rdbuf();
  return path;
}

Nginx::Nginx(const Certificates& certificates, const std::string& certificate, const std::string& settings) {
  const int listener = listen_on_loopback(port_);
  const std::string base = certificates.folder() + "/" + std::to_string(port_);
  std::filesystem::create_directory(base);
  std::ofstream(base + "/conf") << "daemon off; worker_processes 1; pid pid; error_log log; events {}\n"
                                << "http { access_log off; client_body_temp_path b; proxy_temp_path p;\n"
                                << "fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"
                                << "server { listen 127.0.0.1:" << port_ << " ssl; ssl_certificate " << certificate
                                << "; ssl_certificate_key " << certificate << ";\n"
                                << settings << "\nlocation / { return 200 trusted; } } }\n";
  process_ = spawn({kProgram, "-e", base + "/log", "-p", base, "-c", base + "/conf"}, listener);
  ::close(listener);  // connections wait in nginx's copy until it is up
  if (process_ < 0) throw std::runtime_error("nginx cannot be started");
}

Nginx::~Nginx() {
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

bool Nginx::installed() { return ::access(kProgram, X_OK) == 0; }

}  // namespace mjwatchd::http::test
