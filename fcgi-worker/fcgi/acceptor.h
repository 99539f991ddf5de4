// Acceptor: a thread that takes new connections from the pool's shared listening socket, one at a time, so
// that the workers share them.

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
  Acceptor(int listen_fd, Take take);
  ~Acceptor() { Stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Ends the thread; afterwards `take` is not called any more. Again is harmless. One thread calls it.
  void Stop();

 private:
  void Run();
  void Accept();
  [[nodiscard]] bool StopsWithin(std::chrono::milliseconds time) const;

  const int listen_fd_;
  const Take take_;
  io::UniqueFd stop_event_;
  std::thread thread_;
};

}  // namespace hashpost::fcgi
