// BlockingPool: a capped set of threads for what may block on a slow peer or take long: big bodies and big
// answers. Threads start when they are needed. Thread-safe.

#pragma once

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
  class Task {
   public:
    virtual ~Task() = default;
    virtual void Run() noexcept = 0;
  };

  // At most `threads` run and `queue` wait.
  BlockingPool(std::size_t threads, std::size_t queue) : max_threads_(threads), max_queue_(queue) {}
  ~BlockingPool();  // finishes what is queued
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Takes `task` (leaving it empty) and runs it soon; false if the queue is full, and the task stays with the
  // caller. `task` may be run before this returns.
  [[nodiscard]] bool Submit(std::unique_ptr<Task>& task);

  // Whether the calling thread is one of a BlockingPool's.
  [[nodiscard]] static bool OnThread();

 private:
  void Run();
  [[nodiscard]] bool StartThread();  // with mutex_ held

  const std::size_t max_threads_;
  const std::size_t max_queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Task>> queue_;  // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_
  std::size_t idle_ = 0;                     // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
};

}  // namespace hashpost::fcgi
