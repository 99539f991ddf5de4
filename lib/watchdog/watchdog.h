// Progress: lets a watchdog see how long each thread has been at one piece of work. A thread says when it
// starts working, and when it merely waits for somebody else (a client's socket, another process's lock),
// which must not count against it. Lock-free for the threads that are watched; Oldest may be called from any
// thread.

#pragma once

#include <chrono>
#include <optional>

namespace hashpost::watchdog {

using Clock = std::chrono::steady_clock;

// While it lives, the calling thread is at work on `what` (a string literal, for the log). A piece of work
// within another one counts alone; afterwards the outer one starts afresh.
class Working {
 public:
  explicit Working(const char* what);
  ~Working();
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  const char* outer_;  // nullptr: the thread was not at work
};

// Within a Working: while it lives, the thread waits and the clock stands still; afterwards it starts afresh.
class Waiting {
 public:
  Waiting();
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  bool was_working_;
};

struct Busy {
  const char* what;
  Clock::duration since;
};

// The thread that has been at work longest without a pause, if any is at work.
[[nodiscard]] std::optional<Busy> Oldest();

}  // namespace hashpost::watchdog
