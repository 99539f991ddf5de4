// open-loop: sends requests at a fixed rate, whatever the server does, and counts the time of each from when
// it was due, so that a request which had to wait for a free connection counts with its wait. (wrk and h2load
// count from when they sent: while a server stalls they send nothing, and the stall is counted once instead
// of for everybody who would have come.) One thread; prints one line of JSON as load.lua does.

#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/open_loop/client.h"
#include "bench/open_loop/requests.h"

namespace hashpost::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{5};  // with answers that are still out at the end

struct Options {
  std::uint64_t rate = 1000;
  std::size_t connections = 64;
  std::uint64_t seconds = 3;
  std::uint16_t port = 0;
};

class OpenLoop {
 public:
  OpenLoop(const Options& options, SSL_CTX* context)
      : options_(options),
        context_(context),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    Watch(timer_, kTimer);
    slots_.resize(options.connections);
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      Open(slot);
      idle_.push_back(slot);
    }
  }
  ~OpenLoop() {
    close(timer_);
    close(epoll_);
  }
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  void Run() {
    start_ = Clock::now();
    const std::uint64_t total = options_.rate * options_.seconds;
    const Clock::time_point last = DueAt(total) + kPatience;
    while (answered_ + broken_ < total && Clock::now() < last) {
      for (; sent_ < total && DueAt(sent_) <= Clock::now(); ++sent_) due_.push_back(DueAt(sent_));
      SendDue();
      Wait(sent_ < total ? DueAt(sent_) : last);
    }
    timeouts_ = total - answered_ - broken_;
  }

  void Print() {
    std::sort(times_.begin(), times_.end());
    const auto at = [this](double percent) {
      if (times_.empty()) return 0.0;
      const auto place = static_cast<std::size_t>(percent / 100 * static_cast<double>(times_.size()));
      return std::chrono::duration<double, std::micro>(times_[std::min(place, times_.size() - 1)]).count();
    };
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    std::printf(
        "{\"requests\":%zu,\"seconds\":%.6f,\"bytes\":%llu,\"right\":%llu,\"wrong\":%llu,\"wrong_status\":%d,"
        "\"broken\":%llu,\"timeouts\":%llu,"
        "\"us\":{\"50\":%.1f,\"90\":%.1f,\"99\":%.1f,\"99.9\":%.1f,\"100\":%.1f}}\n",
        times_.size(), seconds, bytes_, answered_ - wrong_, wrong_, wrong_status_, broken_, timeouts_, at(50),
        at(90), at(99), at(99.9), at(100));
  }

 private:
  static constexpr std::uint64_t kTimer = ~std::uint64_t{0};
  struct Slot {
    std::unique_ptr<Client> client;
    Clock::time_point due;
    bool busy = false;
  };

  [[nodiscard]] Clock::time_point DueAt(std::uint64_t index) const {
    return start_ + std::chrono::nanoseconds(index * 1'000'000'000 / options_.rate);
  }

  void Watch(int descriptor, std::uint64_t data) {
    epoll_event event{};
    event.events = data == kTimer ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = data;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0)
      throw std::runtime_error("epoll_ctl failed");
  }

  void Open(std::size_t slot) {
    slots_[slot].client = std::make_unique<Client>(context_, options_.port);
    Watch(slots_[slot].client->descriptor(), slot);
  }

  void SendDue() {
    while (!due_.empty() && !idle_.empty()) {
      const std::size_t slot = idle_.back();
      idle_.pop_back();
      slots_[slot].due = due_.front();
      slots_[slot].busy = true;
      due_.pop_front();
      Handle(slot, slots_[slot].client->Send(requests_.Next(slot)));
    }
  }

  void Wait(Clock::time_point until) {
    const auto left = std::max<std::int64_t>(1, std::chrono::nanoseconds(until - Clock::now()).count());
    const itimerspec alarm{{0, 0}, {left / 1'000'000'000, left % 1'000'000'000}};
    timerfd_settime(timer_, 0, &alarm, nullptr);
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), 1000);
    for (int index = 0; index < count; ++index) {
      const std::uint64_t slot = events[static_cast<std::size_t>(index)].data.u64;
      if (slot != kTimer) Handle(slot, slots_[slot].client->Continue());
    }
  }

  void Handle(std::size_t slot, Client::State state) {
    Slot& at = slots_[slot];
    if (state == Client::State::kWaiting) return;
    const bool answered = state == Client::State::kAnswered;
    if (at.busy) {
      (answered ? answered_ : broken_) += 1;
      if (answered) Count(at);
      at.busy = false;
      idle_.push_back(slot);
    }
    if (!answered || at.client->closes()) {
      bytes_ += at.client->bytes();
      Open(slot);
    }
  }

  void Count(const Slot& at) {
    times_.push_back(Clock::now() - at.due);
    if (requests_.IsExpected(at.client->status())) return;
    ++wrong_;
    wrong_status_ = at.client->status();
  }

  Options options_;
  SSL_CTX* context_;
  int epoll_;
  int timer_;
  Requests requests_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> idle_;
  std::deque<Clock::time_point> due_;
  std::vector<Clock::duration> times_;
  Clock::time_point start_;
  std::uint64_t sent_ = 0;
  unsigned long long answered_ = 0, broken_ = 0, wrong_ = 0, timeouts_ = 0, bytes_ = 0;
  int wrong_status_ = 0;
};

Options ReadOptions(int argc, char** argv) {
  Options options;
  for (int index = 1; index + 1 < argc; index += 2) {
    const std::string name = argv[index];
    const std::uint64_t value = std::stoull(argv[index + 1]);
    if (name == "--rate") {
      options.rate = value;
    } else if (name == "--connections") {
      options.connections = value;
    } else if (name == "--seconds") {
      options.seconds = value;
    } else {
      throw std::runtime_error("Usage: open-loop --rate N --connections N --seconds N");
    }
  }
  const char* port = std::getenv("BENCH_PORT");
  options.port = static_cast<std::uint16_t>(port == nullptr ? 0 : std::stoul(port));
  return options;
}

}  // namespace
}  // namespace hashpost::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                    SSL_CTX_free);
    hashpost::bench::OpenLoop loop(hashpost::bench::ReadOptions(argc, argv), context.get());
    loop.Run();
    loop.Print();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "open-loop: %s\n", error.what());
    return 1;
  }
}
