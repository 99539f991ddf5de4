#include "fcgi-worker/fcgi/blocking_pool.h"

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
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

// False if the system has no thread to give; then those there are must do.
bool BlockingPool::StartThread() {
  try {
    threads_.emplace_back([this] { Run(); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void BlockingPool::Run() {
  on_thread = true;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task->Run();
    task.reset();
    lock.lock();
  }
}

}  // namespace hashpost::fcgi
