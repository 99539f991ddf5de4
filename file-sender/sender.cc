#include "file-sender/sender.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "file-sender/folder_watch.h"
#include "file-sender/queue.h"
#include "file-sender/workers.h"
#include "lib/log/log.h"

namespace hashpost::sender {
namespace {

using Clock = std::chrono::steady_clock;

// A file that a scan finds was perhaps not closed yet; if it was changed just now, it waits for so long.
constexpr std::chrono::milliseconds kQuiet{1000};

// Waits for one of `fds` until `deadline`. Returns whether any is readable (revents say which).
template <std::size_t n>
bool WaitUntil(std::array<pollfd, n>& fds, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
}

// "[#####     ] 120 of 240" on one line of the terminal, until it ends.
class ProgressBar {
 public:
  ProgressBar(const Tally& tally, std::size_t total) : tally_(tally), total_(total) {
    if (::isatty(STDERR_FILENO) == 0) return;
    thread_ = std::jthread([this](const std::stop_token& stop) {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any pause;
      do {
        Draw('\r');
      } while (
          !pause.wait_for(lock, stop, std::chrono::milliseconds(100), [&] { return stop.stop_requested(); }));
      Draw('\n');
    });
  }

 private:
  void Draw(char end) const {
    constexpr std::size_t kWidth = 40;
    const std::size_t done = std::min(tally_.Sum(), total_);
    const std::size_t filled = total_ == 0 ? kWidth : done * kWidth / total_;
    const std::string line = "\r[" + std::string(filled, '#') + std::string(kWidth - filled, ' ') + "] " +
                             std::to_string(done) + " of " + std::to_string(total_) + end;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }

  const Tally& tally_;
  const std::size_t total_;
  std::jthread thread_;
};

}  // namespace

io::UniqueFd TakeSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  io::UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::system_category(), "signalfd");
  return fd;
}

int NextSignal(int signals) {
  signalfd_siginfo signal{};
  return ::read(signals, &signal, sizeof signal) == sizeof signal ? static_cast<int>(signal.ssi_signo) : 0;
}

RunEnd RunForEver(const Config& config, const fernet::Key& key, State& state, int signals) {
  const io::UniqueFd failure(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!failure) throw std::system_error(errno, std::system_category(), "eventfd");
  Queue queue;
  FolderWatch watch(config.input_dir, queue, state, SettingsId(config, key));
  Workers workers(config, key, state, queue, {.on_failure = [&] { ::eventfd_write(failure.get(), 1); }});
  log::Info("sender", "Watching " + config.input_dir + " for " + config.receiver.url + ".");
  std::array<pollfd, 3> fds{{{signals, POLLIN, 0}, {failure.get(), POLLIN, 0}, {-1, POLLIN, 0}}};
  Clock::time_point next_scan = Clock::now();
  while (fds[0].revents == 0 && fds[1].revents == 0) {
    if (Clock::now() >= next_scan) {
      watch.Watch();
      fds[2].fd = watch.fd();
      watch.Scan(kQuiet);
      next_scan = Clock::now() + config.scan_interval;
    }
    if (WaitUntil(fds, next_scan) && fds[2].revents != 0 && !watch.ReadEvents()) next_scan = Clock::now();
  }
  const bool hang_up = NextSignal(signals) == SIGHUP;
  log::Info("sender", hang_up ? "Reading key and certificates again." : "Ending.");
  workers.Stop();
  if (workers.failed()) return RunEnd::kFailed;
  return hang_up ? RunEnd::kHangUp : RunEnd::kStopped;
}

OnceResult RunOnce(const Config& config, const fernet::Key& key, State& state) {
  Queue queue;
  FolderWatch watch(config.input_dir, queue, state, SettingsId(config, key));
  const ScanResult found = watch.Scan(std::chrono::milliseconds(0));
  queue.Close();
  Workers workers(config, key, state, queue, {.once = true, .on_failure = [] {}});
  {
    const ProgressBar bar(workers.tally(), found.added);
    workers.Join();
  }
  const Tally& tally = workers.tally();
  return {.delivered = tally.delivered,
          .known = tally.known,
          .quarantined = tally.quarantined + found.quarantined,
          .pending = tally.pending + queue.Size(),
          .failed = workers.failed() || !found.readable};
}

}  // namespace hashpost::sender
