// Server: takes FastCGI connections from the pool's shared listening socket, waits for requests on all of
// them with a few I/O threads (epoll, one-shot), and drains by handing its connections to a sibling. A
// connection whose request is being worked on belongs to whoever holds the Exchange; it is armed again once
// that has answered. An I/O thread never waits for a client: it takes only heads that have come whole, and
// content that has come whole or that the web server has spooled. A thread of another kind belongs to whoever
// uses it: a slow client has it as long as nobody else needs it.

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
#include "fcgi-worker/http/route.h"
#include "lib/io/unique_fd.h"

namespace hashpost::fcgi {

// Connections over the limit that are taken all the same, to be told that the worker is busy.
inline constexpr std::size_t kSurplusConnections = 16;

struct ServerOptions {
  int listen_fd = 0;                  // a listening unix socket, shared with the siblings
  std::size_t io_threads = 2;         // answer what is small and waits for no client
  std::size_t blocking_threads = 8;   // of http::Lane::kBigRequest, and as many of kBigResponse
  std::size_t bulk_threads = 4;       // of http::Lane::kBulk: requests at once
  std::size_t upload_threads = 4;     // of http::Lane::kUpload
  std::size_t max_connections = 0;    // at once; 1 or more
  std::string spool_folder = "/tmp";  // for answers that must wait (connection.h)
  // While this file is there, each response asks the web server to end its connection; "": never.
  std::string closing_file = {};
};

class Server {
 public:
  using Clock = std::chrono::steady_clock;
  // Decides what becomes of a request, once; must not throw. `content_has_come`: reading the content waits
  // for no client. The handler that it names outlives the server.
  using RouteOf = std::function<http::Route(const http::Request&, bool content_has_come)>;

  // Starts to serve. Throws std::system_error if `listen_fd` is no listening unix socket, or there is no
  // thread to be had.
  Server(const ServerOptions& options, RouteOf route_of);
  ~Server() { Stop(); }  // call Drain first
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Call it four times a second, from one thread. Ends requests whose peer has sent nothing more for `limit`
  // in the middle of one, and answers that are taken too slowly (Connection::CutIfStuck). Where requests wait
  // for a thread, those whose clients are slow (pace.h) lose theirs; uploads that got none in time are
  // refused. Looks for the closing file.
  void Tick(Clock::time_point now, std::chrono::seconds limit);

  // Stops accepting, finishes the requests in progress and hands every connection over, for at most `limit`.
  // Uploads that are not at their end by then are told that theirs has come (http::BodyIncomplete), and have
  // five seconds to answer what they took. Returns how many connections are left, 0 if all went well.
  [[nodiscard]] std::size_t Drain(std::chrono::milliseconds limit);

 private:
  class LiveExchange;

  // kArming: between asking epoll for the next event and having let go, so that nobody closes the descriptor
  // under the one who asks.
  enum class SlotState : unsigned char { kNone, kArming, kArmed, kBusy };
  struct Slot {
    std::atomic<SlotState> state{SlotState::kNone};
    bool fresh = false;                        // nothing was read from it yet: it may carry a descriptor
    bool surplus = false;                      // over max_connections: it is told that the worker is busy
    http::Route route{};                       // of the current request
    std::atomic<BlockingPool*> pool{nullptr};  // whose thread it has, or waits for
    std::unique_ptr<Connection> connection;
  };

  void Stop();
  void RunIoThread();
  void OnReadable(std::size_t index);
  void AwaitRoom();
  void Adopt(io::UniqueFd socket);
  void TakeRequest(std::size_t index, const Preview& preview);
  void Handle(std::size_t index);
  void RunHandler(std::size_t index);
  [[nodiscard]] BlockingPool& PoolOf(http::Lane lane);
  void AwaitHead(std::size_t index);
  void CloseIfClosing(http::Response& response) const;
  [[nodiscard]] bool SubmitRequest(std::size_t index, BlockingPool& pool);
  [[nodiscard]] bool SubmitResponse(std::size_t index, http::Response response);
  [[nodiscard]] bool Submit(std::size_t index, BlockingPool& pool, std::unique_ptr<BlockingPool::Task> task);
  void EvictFor(BlockingPool& pool);  // with mutex_ held
  [[nodiscard]] bool UploadsAtWork();
  void Respond(std::size_t index, http::Response response);
  void RefuseAsBusy(std::size_t index);
  void Finish(std::size_t index);
  void Cut(std::size_t index);
  void Arm(std::size_t index, int operation);
  void Watch(std::size_t index, int operation);
  void Close(std::size_t index);
  void HandOverUntil(Clock::time_point deadline);
  void TryHandOver(std::size_t index);
  [[nodiscard]] bool TakeOver(std::size_t index);
  [[nodiscard]] bool Idle(std::size_t index) const;

  const ServerOptions options_;
  const RouteOf route_of_;
  std::string pool_socket_;
  io::UniqueFd epoll_;
  io::UniqueFd stop_event_;
  std::vector<Slot> slots_;
  std::atomic<std::size_t> open_{0};
  std::atomic<bool> draining_{false};
  std::atomic<bool> closing_{false};  // the closing file is there
  std::atomic<bool> stopping_{false};
  bool uploads_over_ = false;  // the drain's
  std::mutex mutex_;           // against Adopt and Close
  std::condition_variable closed_;
  std::vector<std::size_t> free_slots_;  // guarded by mutex_
  BlockingPool requests_;                // that are big, or whose client may be slow
  BlockingPool answers_;                 // big ones, to clients that may be slow
  BlockingPool bulk_;
  BlockingPool uploads_;
  std::vector<std::thread> io_threads_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace hashpost::fcgi
