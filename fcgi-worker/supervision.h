// Supervision: the signals of a worker and its watchdog, on the main thread. SIGTERM and SIGINT ask to drain;
// Fail asks to end because the store cannot be trusted; a thread that makes no progress aborts the process,
// for supervisord to start a fresh one (and for a core dump to show where it hung).

#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace hashpost {

// Call before the first thread starts: its signals are then waited for, and never interrupt a thread.
void BlockSignals();

enum class Stop {
  kDrain,  // a clean end was asked for
  kFail,   // the worker must end, and be replaced
};

// Waits until the worker should stop. Once a second checks that no thread is stuck for longer than
// `hang_limit`; calls the one four times a second, and the other once a minute.
[[nodiscard]] Stop WaitForStop(std::chrono::seconds hang_limit, const std::function<void()>& every_quarter,
                               const std::function<void()>& every_minute);

// Makes WaitForStop return kFail. Any thread, any number of times.
void RequestFail();

}  // namespace hashpost
