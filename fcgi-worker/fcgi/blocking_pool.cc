#include "fcgi-worker/fcgi/blocking_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace hashpost::fcgi {
namespace {

thread_local bool on_thread = false;

}  // namespace

bool BlockingPool::OnThread() {
  return on_thread;
}

BlockingPool::~BlockingPool() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

bool BlockingPool::Submit(std::unique_ptr<Task>& task) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || queue_.size() >= max_queue_) return false;
    if (idle_ <= queue_.size() && threads_.size() < max_threads_ && !StartThread() && threads_.empty())
      return false;
    queue_.push_back({std::move(task), Clock::now()});
  }
  changed_.notify_one();
  return true;
}

std::size_t BlockingPool::Waiting() const {
  const std::scoped_lock lock(mutex_);
  // (A thread that is idle will have one of them in a moment.)
  return queue_.size() - std::min(queue_.size(), idle_);
}

std::vector<std::unique_ptr<BlockingPool::Task>> BlockingPool::TakeWaitingSince(Clock::time_point deadline) {
  std::vector<std::unique_ptr<Task>> taken;
  const std::scoped_lock lock(mutex_);
  while (!queue_.empty() && queue_.front().since < deadline) {
    taken.push_back(std::move(queue_.front().task));
    queue_.pop_front();
  }
  return taken;
}

// False if the system has no thread to give; then those there are must do.
bool BlockingPool::StartThread() {
  try {
    threads_.emplace_back([this] { Run(); });
    ++idle_;  // it has not begun yet, and will take a task all the same
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void BlockingPool::Run() {
  on_thread = true;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    std::unique_ptr<Task> task = std::move(queue_.front().task);
    queue_.pop_front();
    lock.unlock();
    task->Run();
    task.reset();
    lock.lock();
    ++idle_;
  }
}

}  // namespace hashpost::fcgi
