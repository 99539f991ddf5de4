#include "fcgi-worker/supervision.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "lib/log/log.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost {
namespace {

constexpr int kFailSignal = SIGUSR2;

sigset_t AwaitedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, kFailSignal}) sigaddset(&set, signal);
  return set;
}

void AbortIfStuck(std::chrono::seconds hang_limit) {
  const auto busy = watchdog::Oldest();
  if (!busy || busy->since < hang_limit) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(busy->since).count();
  log::Error("watchdog", "A thread has been " + std::string(busy->what) + " for " + std::to_string(seconds) +
                             " s without progress; this worker aborts so that a fresh one takes its place.");
  std::abort();
}

}  // namespace

void BlockSignals() {
  const sigset_t set = AwaitedSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A client that went away shows in the result of write. (libfcgi installs handlers only where none are
  // set.)
  signal(SIGPIPE, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
}

Stop WaitForStop(std::chrono::seconds hang_limit, const std::function<void()>& every_quarter,
                 const std::function<void()>& every_minute) {
  const sigset_t set = AwaitedSignals();
  constexpr timespec kTick{.tv_sec = 0, .tv_nsec = 250'000'000};
  constexpr int kTicksPerSecond = 4;
  constexpr int kTicksPerMinute = 60 * kTicksPerSecond;
  for (int tick = 1;; ++tick) {
    const int signal = sigtimedwait(&set, nullptr, &kTick);
    if (signal == SIGTERM || signal == SIGINT) return Stop::kDrain;
    if (signal == kFailSignal) return Stop::kFail;
    if (tick % kTicksPerSecond == 0) AbortIfStuck(hang_limit);
    every_quarter();
    if (tick % kTicksPerMinute == 0) every_minute();
  }
}

void RequestFail() {
  ::kill(::getpid(), kFailSignal);
}

}  // namespace hashpost
