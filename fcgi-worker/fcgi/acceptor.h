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
  // Called on the acceptor's thread before a connection is taken: may wait for a moment while there is no
  // room for it, since a sibling may have some.
  using AwaitRoom = std::function<void()>;
  // Called on the acceptor's thread for each connection.
  using Take = std::function<void(io::UniqueFd)>;

  // `listen_fd` is non-blocking and outlives the object. Throws std::system_error.
  Acceptor(int listen_fd, AwaitRoom await_room, Take take);
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
  const AwaitRoom await_room_;
  const Take take_;
  io::UniqueFd stop_event_;
  std::thread thread_;
};

}  // namespace hashpost::fcgi
