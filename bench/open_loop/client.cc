#include "bench/open_loop/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace hashpost::bench {
namespace {

constexpr std::size_t kReadBytes = 16384;

int Connect(std::uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close(descriptor);
    throw std::system_error(error, std::generic_category(), "connect");
  }
  return descriptor;
}

// The value of a field in `head`, in lower case; empty if it is not there.
std::string Field(std::string_view head, std::string_view name) {
  std::string lower(head);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t at = lower.find("\r\n" + std::string(name) + ":");
  if (at == std::string::npos) return {};
  const std::size_t begin = lower.find_first_not_of(' ', at + name.size() + 3);
  return lower.substr(begin, lower.find("\r\n", begin) - begin);
}

}  // namespace

Client::Client(SSL_CTX* context, std::uint16_t port) : descriptor_(Connect(port)), ssl_(SSL_new(context)) {
  SSL_set_fd(ssl_, descriptor_);
  if (SSL_connect(ssl_) != 1) {
    SSL_free(ssl_);
    close(descriptor_);
    throw std::runtime_error("the TLS handshake failed");
  }
  fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

Client::~Client() {
  SSL_free(ssl_);
  close(descriptor_);
}

Client::State Client::Send(std::string_view request) {
  unsent_ = request;
  answer_.clear();
  head_bytes_ = 0;
  return Write();
}

Client::State Client::Continue() {
  if (!unsent_.empty() && Write() == State::kBroken) return State::kBroken;
  return Read();
}

Client::State Client::Write() {
  while (!unsent_.empty()) {
    const int sent = SSL_write(ssl_, unsent_.data(), static_cast<int>(unsent_.size()));
    if (sent <= 0) {
      const int error = SSL_get_error(ssl_, sent);
      return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? State::kWaiting : State::kBroken;
    }
    unsent_.remove_prefix(static_cast<std::size_t>(sent));
  }
  return State::kWaiting;
}

Client::State Client::Read() {
  std::array<char, kReadBytes> buffer;
  while (true) {
    const int got = SSL_read(ssl_, buffer.data(), kReadBytes);
    if (got <= 0) {
      const int error = SSL_get_error(ssl_, got);
      return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? State::kWaiting : State::kBroken;
    }
    bytes_ += static_cast<std::uint64_t>(got);
    answer_.append(buffer.data(), static_cast<std::size_t>(got));
    if ((head_bytes_ != 0 || ParseHead()) && IsWhole()) return State::kAnswered;
  }
}

bool Client::ParseHead() {
  const std::size_t end = answer_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  head_bytes_ = end + 4;
  const std::string_view head = std::string_view(answer_).substr(0, end + 2);
  status_ = std::atoi(answer_.c_str() + std::string_view("HTTP/1.1 ").size());
  closes_ = Field(head, "connection") == "close";
  chunked_ = Field(head, "transfer-encoding") == "chunked";
  const bool empty = status_ == 204 || status_ == 304;
  body_bytes_ = empty ? 0 : std::strtoull(Field(head, "content-length").c_str(), nullptr, 10);
  return true;
}

// (An answer in chunks is whole at its last chunk, which no JSON text can look like.)
bool Client::IsWhole() const {
  if (status_ == 204 || status_ == 304 || !chunked_) return answer_.size() >= head_bytes_ + body_bytes_;
  return answer_.ends_with("\r\n0\r\n\r\n");
}

}  // namespace hashpost::bench
