#include "fcgi-worker/fcgi/handover.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hashpost::fcgi {
namespace {

// Room for the control message of one descriptor, aligned as the macros of cmsg(3) need it.
union ControlBuffer {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

bool SameUser(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == ::geteuid();
}

}  // namespace

bool HandOver(const std::string& pool_socket, int fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (pool_socket.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, pool_socket.data(), pool_socket.size());
  // Non-blocking: a full queue must not hold up the drain; it is tried again a little later.
  const io::UniqueFd carrier(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!carrier ||
      ::connect(carrier.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;
  }
  unsigned char marker = kHandoverMarker;
  iovec data{&marker, 1};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(carrier.get(), &message, MSG_NOSIGNAL) == 1;
}

Arrival Classify(int fd) {
  unsigned char first = 0;
  if (::recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return Arrival::kGone;
  return first == kHandoverMarker ? Arrival::kHandover : Arrival::kFastCgi;
}

io::UniqueFd Receive(int carrier) {
  unsigned char marker = 0;
  iovec data{&marker, 1};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(carrier, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1) return {};
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
    return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  io::UniqueFd received(fd);
  if (!SameUser(carrier)) return {};
  return received;
}

}  // namespace hashpost::fcgi
