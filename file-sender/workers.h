// Workers: the threads that take names from the queue and deliver them. What failed comes again: after a
// pause that doubles from 1 s to 5 min, for ever, while others go on.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "file-sender/circuit_breaker.h"
#include "file-sender/config.h"
#include "file-sender/delivery.h"
#include "file-sender/gate.h"
#include "file-sender/queue.h"
#include "file-sender/state.h"
#include "file-sender/turn.h"
#include "lib/fernet/key.h"

namespace hashpost::sender {

// Of files; each counts once for each time that it was tried.
struct Tally {
  std::atomic<std::size_t> delivered = 0;
  std::atomic<std::size_t> known = 0;  // and those that were gone
  std::atomic<std::size_t> quarantined = 0;
  std::atomic<std::size_t> pending = 0;  // only if one try is all they get

  [[nodiscard]] std::size_t Sum() const { return delivered + known + quarantined + pending; }
};

class Workers {
 public:
  struct Options {
    bool once =
        false;  // a file gets one try (more only while it is changing), and nothing waits for the receiver
    std::function<void()>
        on_failure;  // the state cannot be written or read: called once or more, by a worker
  };

  // Starts config.sender_parallel threads. All references live longer than this.
  Workers(const Config& config, const fernet::Key& key, State& state, Queue& queue, Options options);

  // Asks the threads to end and waits for them: at most some 3 s.
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  void Stop();

  void Join();  // waits until the queue, which was closed, is empty

  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void Run(const std::stop_token& stop, Queue::Wanted wanted);
  void Work(const std::stop_token& stop, Queue::Wanted wanted);
  void PutOff(const Queue::Job& job, std::chrono::milliseconds delay);
  void Report(const std::string& target, const UploadResult& result);
  void Settle(const Queue::Job& job, const DeliveryOutcome& outcome);
  void Retry(const Queue::Job& job, std::chrono::milliseconds at_least);

  const Config& config_;
  const fernet::Key& key_;
  State& state_;
  Queue& queue_;
  const Options options_;
  Gate gate_;
  CircuitBreaker breaker_;
  Turn unrecorded_;
  Tally tally_;
  std::atomic<bool> failed_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace hashpost::sender
