// Client: one kept-alive HTTP/1.1 connection over TLS (OpenSSL) to a server on loopback, without blocking
// once it is open. Knows just enough of HTTP to find the end of an answer (RFC 9112 §6). Not thread-safe.

#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace hashpost::bench {

class Client {
 public:
  enum class State { kWaiting, kAnswered, kBroken };

  // Connects and shakes hands, blocking. Throws std::runtime_error or std::system_error.
  Client(SSL_CTX* context, std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

  // Begins a request; the last answer must have come. `request` must live until the answer is there.
  State Send(std::string_view request);
  // Goes on after the descriptor became ready. kAnswered: status() tells, and the next request may be sent.
  State Continue();

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool closes() const { return closes_; }  // the server said so in its last answer
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  State Write();
  State Read();
  bool ParseHead();
  [[nodiscard]] bool IsWhole() const;

  int descriptor_ = -1;
  SSL* ssl_ = nullptr;
  std::string_view unsent_;
  std::string answer_;
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool chunked_ = false;
  bool closes_ = false;
  int status_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace hashpost::bench
