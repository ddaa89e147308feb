#include "daemon/os/journal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mjwatchd::os {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.data(), std::min(path.size(), sizeof out.sun_path - 1));
  return out;
}

}  // namespace

Journal::Journal(std::string path) : path_(std::move(path)), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

bool Journal::send(const std::string& entry) {
  if (!socket_.valid()) return false;
  // Addressed each time: journald may have been restarted.
  const sockaddr_un to = address_of(path_);
  const ssize_t sent = sendto(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent >= 0) return sent == static_cast<ssize_t>(entry.size());
  return (errno == EMSGSIZE || errno == ENOBUFS) && send_file(entry);
}

bool Journal::send_file(const std::string& entry) {
  const Descriptor file(memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || write(file.get(), entry.data(), entry.size()) != static_cast<ssize_t>(entry.size()))
    return false;
  // journald takes only what can't change any more.
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return false;
  sockaddr_un to = address_of(path_);
  const int fd = file.get();
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof fd)]{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  return sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

}  // namespace mjwatchd::os
