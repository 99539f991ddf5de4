// BlockingPool: a capped set of threads for what may block on a slow peer or take long: big bodies and big
// answers. Threads start when they are needed. Thread-safe.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace hashpost::fcgi {

class BlockingPool {
 public:
  using Clock = std::chrono::steady_clock;

  class Task {
   public:
    virtual ~Task() = default;
    virtual void Run() noexcept = 0;
    virtual void Refuse() noexcept = 0;  // instead of Run
  };

  // At most `threads` run and `queue` wait.
  BlockingPool(std::size_t threads, std::size_t queue) : max_threads_(threads), max_queue_(queue) {}
  ~BlockingPool();  // finishes what is queued
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Takes `task` (leaving it empty) and runs it soon; false if the queue is full, and the task stays with the
  // caller. `task` may be run before this returns.
  [[nodiscard]] bool Submit(std::unique_ptr<Task>& task);

  // How many tasks wait for a thread.
  [[nodiscard]] std::size_t Waiting() const;

  // Takes back tasks that have waited for a thread since before `deadline`.
  [[nodiscard]] std::vector<std::unique_ptr<Task>> TakeWaitingSince(Clock::time_point deadline);

  // Whether the calling thread is one of a BlockingPool's.
  [[nodiscard]] static bool OnThread();

 private:
  struct QueuedTask {
    std::unique_ptr<Task> task;
    Clock::time_point since;
  };
  void Run();
  [[nodiscard]] bool StartThread();  // with mutex_ held

  const std::size_t max_threads_;
  const std::size_t max_queue_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueuedTask> queue_;      // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_
  std::size_t idle_ = 0;              // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
};

}  // namespace hashpost::fcgi
