#include "fcgi-worker/fcgi/handover.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace hashpost::fcgi {
namespace {

// The most descriptors that a message can carry (SCM_MAX_FD); a receiver with room for fewer cannot tell.
constexpr std::size_t kMostDescriptors = 253;

// Room for a control message, aligned as the macros of cmsg(3) need it.
template <std::size_t descriptors>
union ControlBuffer {
  cmsghdr header;
  std::array<char, CMSG_SPACE(descriptors * sizeof(int))> bytes;
};

bool IsOfUser(int fd, uid_t user) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == user;
}

// Each descriptor that came has an owner from here on, whatever becomes of it.
std::vector<io::UniqueFd> Descriptors(msghdr& message) {
  std::vector<io::UniqueFd> all;
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      all.emplace_back(fd);
    }
  }
  return all;
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
  ControlBuffer<1> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE(sizeof fd);
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

io::UniqueFd Receive(int carrier, uid_t user) {
  if (!IsOfUser(carrier, user)) return {};
  unsigned char marker = 0;
  iovec data{&marker, 1};
  ControlBuffer<kMostDescriptors> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(carrier, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) return {};
  std::vector<io::UniqueFd> received = Descriptors(message);
  return received.size() == 1 ? std::move(received.front()) : io::UniqueFd();
}

}  // namespace hashpost::fcgi
