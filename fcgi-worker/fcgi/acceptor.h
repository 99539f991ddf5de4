// Acceptor: a thread that takes new connections from the pool's shared listening socket. All workers but the
// first wait a few milliseconds before they take one, so that the first gets nearly all while it is there:
// one worker with all the writes makes one large commit where two would make two small ones.

#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "lib/io/unique_fd.h"

namespace hashpost::fcgi {

class Acceptor {
 public:
  // Called on the acceptor's thread for each connection; may block while there is no room for more.
  using Take = std::function<void(io::UniqueFd)>;

  // `listen_fd` is non-blocking and outlives the object. Throws std::system_error.
  Acceptor(int listen_fd, std::chrono::milliseconds patience, Take take);
  ~Acceptor() { Stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Ends the thread; afterwards `take` is not called any more. Again is harmless. One thread calls it.
  void Stop();

 private:
  void Run();
  void AcceptAll();
  [[nodiscard]] bool StopsWithin(std::chrono::milliseconds time) const;

  const int listen_fd_;
  const std::chrono::milliseconds patience_;
  const Take take_;
  io::UniqueFd stop_event_;
  std::thread thread_;
};

}  // namespace hashpost::fcgi
