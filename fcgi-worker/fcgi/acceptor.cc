#include "fcgi-worker/fcgi/acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "lib/log/log.h"

namespace hashpost::fcgi {

Acceptor::Acceptor(int listen_fd, AwaitRoom await_room, Take take)
    : listen_fd_(listen_fd),
      await_room_(std::move(await_room)),
      take_(std::move(take)),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!stop_event_) throw std::system_error(errno, std::system_category(), "eventfd");
  thread_ = std::thread([this] { Run(); });
}

void Acceptor::Stop() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_event_.get(), 1);
  thread_.join();
}

bool Acceptor::StopsWithin(std::chrono::milliseconds time) const {
  pollfd stop{.fd = stop_event_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&stop, 1, static_cast<int>(time.count())) == 1;
}

void Acceptor::Run() {
  for (;;) {
    std::array<pollfd, 2> events = {{{.fd = listen_fd_, .events = POLLIN, .revents = 0},
                                     {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
    ::poll(events.data(), events.size(), -1);
    if (events[1].revents != 0) return;
    await_room_();
    Accept();
  }
}

void Acceptor::Accept() {
  constexpr std::chrono::milliseconds kPause{200};
  io::UniqueFd socket(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC));
  if (socket) {
    take_(std::move(socket));
  } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {  // EAGAIN: a sibling was faster
    log::Error("server", "No connection can be taken: " + std::system_category().message(errno) + ".");
    (void)StopsWithin(kPause);  // it would fail again at once
  }
}

}  // namespace hashpost::fcgi
