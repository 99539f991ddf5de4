#include "fcgi-worker/fcgi/server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "fcgi-worker/fcgi/handover.h"
#include "lib/log/log.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::fcgi {
namespace {

constexpr std::size_t kRequestQueue = 256;
constexpr std::size_t kUploadQueue = 64;
// Uploads that have waited for a place for so long are refused.
constexpr std::chrono::seconds kUploadPatience{3};
// For a sibling to take a connection for which there is no room here.
constexpr std::chrono::milliseconds kRoomPatience{500};
// What epoll reports besides the numbers of slots.
constexpr std::uint64_t kStopping = ~std::uint64_t{0};
constexpr std::chrono::milliseconds kHandOverRetry{20};
// For uploads that a drain cuts, to store and answer what they have; supervisord kills five seconds later
// (HASHPOST_STOP_SECONDS).
constexpr std::chrono::seconds kUploadsEnd{5};

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

std::string SocketPath(int listen_fd) {
  int accepting = 0;
  socklen_t length = sizeof accepting;
  if (::getsockopt(listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &length) != 0 || accepting == 0) {
    throw std::system_error(ENOTSOCK, std::system_category(), "descriptor 0 is no listening socket");
  }
  sockaddr_un address{};
  length = sizeof address;
  if (::getsockname(listen_fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) Throw("getsockname");
  if (address.sun_family != AF_UNIX) {
    throw std::system_error(EAFNOSUPPORT, std::system_category(), "descriptor 0 is no unix socket");
  }
  return address.sun_path;
}

}  // namespace

Server::Server(const ServerOptions& options, RouteOf route_of)
    : options_(options),
      route_of_(std::move(route_of)),
      pool_socket_(SocketPath(options.listen_fd)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      slots_(options.max_connections + kSurplusConnections),
      requests_(options.blocking_threads, kRequestQueue),
      answers_(options.blocking_threads, kRequestQueue),
      bulk_(options.bulk_threads, kUploadQueue),
      uploads_(options.upload_threads, kUploadQueue) {
  if (!epoll_ || !stop_event_) Throw("epoll_create1 or eventfd");
  // Several workers are woken for one connection; who comes late must not block in accept.
  if (::fcntl(options_.listen_fd, F_SETFL, O_NONBLOCK) != 0) Throw("fcntl");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kStopping}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_event_.get(), &event) != 0) Throw("epoll_ctl");
  FCGX_Init();
  free_slots_.reserve(slots_.size());
  for (std::size_t index = slots_.size(); index > 0; --index) free_slots_.push_back(index - 1);
  try {
    for (std::size_t i = 0; i < options_.io_threads; ++i) io_threads_.emplace_back([this] { RunIoThread(); });
    acceptor_ = std::make_unique<Acceptor>(
        options_.listen_fd, [this] { AwaitRoom(); },
        [this](io::UniqueFd socket) { Adopt(std::move(socket)); });
  } catch (...) {
    Stop();  // threads that run already may not be destroyed
    throw;
  }
}

void Server::Stop() {
  if (acceptor_) acceptor_->Stop();
  stopping_ = true;
  ::eventfd_write(stop_event_.get(), 1);
  for (std::thread& thread : io_threads_) thread.join();
  io_threads_.clear();
}

void Server::RunIoThread() {
  while (!stopping_) {
    // One event at a time: a second one would wait for the first although the other threads are free.
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, -1) != 1) continue;
    const watchdog::Working working("answering a request");
    if (event.data.u64 != kStopping) OnReadable(event.data.u64);
  }
}

void Server::AwaitRoom() {
  std::unique_lock lock(mutex_);
  closed_.wait_for(lock, kRoomPatience, [&] { return open_ < options_.max_connections || draining_; });
}

void Server::Adopt(io::UniqueFd socket) {
  std::size_t index = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (free_slots_.empty()) {
      log::Error("server", "Too many connections; closing one. Raise the limit of open files (ulimit -n).");
      return;
    }
    index = free_slots_.back();
    free_slots_.pop_back();
    slots_[index].connection = std::make_unique<Connection>(std::move(socket));
  }
  Slot& slot = slots_[index];
  slot.fresh = true;
  slot.surplus = ++open_ > options_.max_connections;
  Arm(index, EPOLL_CTL_ADD);
}

void Server::Arm(std::size_t index, int operation) {
  Watch(index, operation);
  // A drain that began meanwhile may have looked at this slot when it was still busy.
  if (draining_) TryHandOver(index);
}

void Server::Watch(std::size_t index, int operation) {
  Slot& slot = slots_[index];
  slot.state = SlotState::kArming;
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = index}};
  const bool watched = ::epoll_ctl(epoll_.get(), operation, slot.connection->fd(), &event) == 0;
  slot.state = SlotState::kArmed;
  if (!watched && TakeOver(index)) {
    log::Error("server",
               "A connection cannot be watched and is closed: " + std::system_category().message(errno));
    Close(index);
  }
}

// Makes an armed connection the calling thread's own; false if it is somebody else's.
bool Server::TakeOver(std::size_t index) {
  std::atomic<SlotState>& state = slots_[index].state;
  SlotState expected = SlotState::kArmed;
  while (!state.compare_exchange_strong(expected, SlotState::kBusy)) {
    if (expected != SlotState::kArming) return false;
    std::this_thread::yield();  // an event was faster than the return from epoll_ctl
    expected = SlotState::kArmed;
  }
  return true;
}

bool Server::Idle(std::size_t index) const {
  char byte = 0;
  return ::recv(slots_[index].connection->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void Server::OnReadable(std::size_t index) {
  if (!TakeOver(index)) return;  // the drain took it
  if (draining_ && Idle(index)) {
    // An event of before the drain tried to hand it over: what it told of has been served.
    Arm(index, EPOLL_CTL_MOD);
    return;
  }
  Slot& slot = slots_[index];
  if (slot.fresh) {
    slot.fresh = false;
    const Arrival arrival = Classify(slot.connection->fd());
    if (arrival != Arrival::kFastCgi) {
      io::UniqueFd received = arrival == Arrival::kHandover ? Receive(slot.connection->fd()) : io::UniqueFd();
      if (received) Adopt(std::move(received));  // first: a drain must not see none in between
      Close(index);
      return;
    }
  }
  TakeRequest(index, slot.connection->PreviewRequest());
}

void Server::Close(std::size_t index) {
  Slot& slot = slots_[index];
  {
    const std::scoped_lock lock(mutex_);
    slot.connection.reset();
    slot.pool = nullptr;
    slot.state = SlotState::kNone;
    free_slots_.push_back(index);
  }
  const bool was_full = open_.fetch_sub(1) >= options_.max_connections;
  if (was_full || draining_) {
    const std::scoped_lock lock(mutex_);
    closed_.notify_all();
  }
}

void Server::TryHandOver(std::size_t index) {
  Slot& slot = slots_[index];
  SlotState expected = SlotState::kArmed;
  if (!slot.state.compare_exchange_strong(expected, SlotState::kBusy))
    return;  // at work: it comes back to Arm
  if (HandOver(pool_socket_, slot.connection->fd())) {
    // The sibling keeps it open, so closing our copy alone would not end our watch.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot.connection->fd(), nullptr);
    Close(index);
  } else {
    // Nobody takes it now, so it is served on. Its event may have come and been passed over meanwhile: ask
    // again.
    Watch(index, EPOLL_CTL_MOD);
  }
}

void Server::Tick(Clock::time_point now, std::chrono::seconds limit) {
  closing_ = !options_.closing_file.empty() && ::access(options_.closing_file.c_str(), F_OK) == 0;
  {
    const std::scoped_lock lock(mutex_);
    for (const Slot& slot : slots_) {
      if (!slot.connection) continue;
      slot.connection->CutIfStuck(now, limit);
      slot.connection->LookAtPace();
    }
    for (BlockingPool* pool : {&requests_, &answers_, &bulk_, &uploads_}) EvictFor(*pool);
  }
  for (BlockingPool* pool : {&bulk_, &uploads_}) {
    for (const auto& task : pool->TakeWaitingSince(now - kUploadPatience)) task->Refuse();
  }
}

// Takes the threads of as many slow clients as requests wait, of the slowest first.
void Server::EvictFor(BlockingPool& pool) {
  std::vector<Connection*> slow;
  std::size_t leaving = 0;
  for (const Slot& slot : slots_) {
    if (slot.pool != &pool) continue;
    if (slot.connection->evicted()) {
      ++leaving;
    } else if (slot.connection->pace().IsSlow()) {
      slow.push_back(slot.connection.get());
    }
  }
  std::sort(slow.begin(), slow.end(), [](const Connection* left, const Connection* right) {
    return left->pace().slow_looks() > right->pace().slow_looks();
  });
  const std::size_t waiting = pool.Waiting();
  for (std::size_t i = 0; i < slow.size() && leaving + i < waiting; ++i) slow[i]->Evict();
}

std::size_t Server::Drain(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  {
    const std::scoped_lock lock(mutex_);
    draining_ = true;
    closed_.notify_all();
  }
  acceptor_->Stop();
  HandOverUntil(deadline);
  if (UploadsAtWork()) {
    uploads_over_ = true;
    HandOverUntil(deadline + kUploadsEnd);
  }
  return open_;
}

bool Server::UploadsAtWork() {
  const std::scoped_lock lock(mutex_);
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.connection && slot.connection->Streams(); });
}

void Server::HandOverUntil(Clock::time_point deadline) {
  while (open_ > 0 && Clock::now() < deadline) {
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (slots_[index].state == SlotState::kArmed) TryHandOver(index);
    }
    std::unique_lock lock(mutex_);  // also against Adopt and Close
    for (const Slot& slot : slots_) {
      if (uploads_over_ && slot.connection) slot.connection->EndContent();
    }
    closed_.wait_for(lock, kHandOverRetry, [&] { return open_ == 0; });
  }
}

}  // namespace hashpost::fcgi
