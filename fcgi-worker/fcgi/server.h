// Server: takes FastCGI connections from the pool's shared listening socket, waits for requests on all of
// them with a few I/O threads (epoll, one-shot), and drains by handing its connections to a sibling. A
// connection whose request is being worked on belongs to whoever holds the Exchange; it is armed again once
// that has answered.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fcgi-worker/fcgi/acceptor.h"
#include "fcgi-worker/fcgi/blocking_pool.h"
#include "fcgi-worker/fcgi/connection.h"
#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/problem.h"
#include "lib/io/unique_fd.h"

namespace hashpost::fcgi {

// Requests that have threads of their own, since their content may be endless and their answer be written
// meanwhile.
struct UploadLane {
  std::size_t threads;                              // so many at once; others are refused as busy
  std::function<bool(const http::Request&)> takes;  // whether a request belongs here
  std::function<http::Response(const http::Problem&)> refuse = [](const http::Problem& problem) {
    return http::ToResponse(problem);
  };
};

struct ServerOptions {
  int listen_fd = 0;                  // a listening unix socket, shared with the siblings
  std::size_t io_threads = 2;         // answer what is small
  std::size_t blocking_threads = 8;   // answer what is big
  std::vector<UploadLane> uploads{};  // the first that takes a request has it
  std::size_t max_connections = 0;    // at once; 1 or more
  std::string spool_folder = "/tmp";  // for answers that must wait (connection.h)
};

class Server {
 public:
  // Answers the request, now or later; must not throw.
  using Handler = std::function<void(std::unique_ptr<http::Exchange>)>;

  // Starts to serve. Throws std::system_error if `listen_fd` is no listening unix socket.
  Server(const ServerOptions& options, Handler handler);
  ~Server();  // ends the threads; call Drain first
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Ends requests whose peer has sent nothing more for `limit` in the middle of one (the web server sends a
  // request in one go, so it was stopped or is broken, and a thread waits for it), and answers that are taken
  // too slowly (connection.h). Call it now and then.
  void CutSilentPeers(std::chrono::seconds limit);

  // Stops accepting, finishes the requests at hand and hands every connection over, for at most `limit`.
  // Uploads that are not at their end by then are told that theirs has come (http::BodyIncomplete), and have
  // five seconds to answer what they took. Returns how many connections are left, 0 if all went well.
  [[nodiscard]] std::size_t Drain(std::chrono::milliseconds limit);

 private:
  class LiveExchange;
  class RequestTask;
  class AnswerTask;
  class UploadTask;

  // kArming: between asking epoll for the next event and having let go, so that nobody closes the descriptor
  // under the one who asks.
  enum class State : unsigned char { kNone, kArming, kArmed, kBusy };
  struct Slot {
    std::atomic<State> state{State::kNone};
    bool fresh = false;  // nothing was read from it yet: it may carry a descriptor
    std::unique_ptr<Connection> connection;
  };

  struct Lane {
    explicit Lane(const UploadLane& its)
        // One that has ended may still hold its thread for a moment; the next one waits for that.
        : options(its), pool(its.threads, its.threads) {}
    const UploadLane options;
    std::atomic<std::size_t> at_work{0};
    BlockingPool pool;
  };

  void RunIoThread();
  void OnReadable(std::size_t index);
  void AwaitRoom();
  void Adopt(io::UniqueFd socket);
  void Handle(std::size_t index);
  void HandleUpload(std::size_t index, Lane& lane);
  [[nodiscard]] bool UploadsAtWork() const;
  void Postpone(std::size_t index, BlockingPool& pool);
  void Respond(std::size_t index, http::Response response);
  void Finish(std::size_t index);
  void Cut(std::size_t index);
  void Arm(std::size_t index, int operation);
  void Watch(std::size_t index, int operation);
  void Close(std::size_t index);
  void HandOverUntil(std::chrono::steady_clock::time_point deadline);
  void TryHandOver(std::size_t index);
  [[nodiscard]] bool TakeOver(std::size_t index);
  [[nodiscard]] bool Idle(std::size_t index) const;

  const ServerOptions options_;
  const Handler handler_;
  std::string pool_socket_;
  io::UniqueFd epoll_;
  io::UniqueFd stop_event_;
  std::vector<Slot> slots_;
  std::atomic<std::size_t> open_{0};
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  bool uploads_over_ = false;  // the drain's
  std::mutex mutex_;
  std::condition_variable closed_;
  std::vector<std::size_t> free_slots_;  // guarded by mutex_
  BlockingPool requests_;                // with big bodies, which the web server has spooled
  BlockingPool answers_;                 // big ones, to clients that may be slow
  std::vector<std::unique_ptr<Lane>> uploads_;
  std::vector<std::thread> io_threads_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace hashpost::fcgi
