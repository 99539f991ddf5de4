#include "file-sender/queue.h"

#include <algorithm>

namespace hashpost::sender {

void Queue::Wait(const std::string& name, QueuedFile& entry, Clock::time_point due) {
  if (entry.place && small_.erase(*entry.place) == 0) big_.erase(*entry.place);
  entry.place = Order(due, next_++);
  (entry.stamp.size < kBigBytes ? small_ : big_).emplace(*entry.place, name);
  // All, since not each thread may take it, and one that waits for a later name has to wait for this one.
  changed_.notify_all();
}

Queue::Names* Queue::FirstOf(Wanted wanted) {
  if (wanted == Wanted::kSmall || big_.empty()) return small_.empty() ? nullptr : &small_;
  return small_.empty() || big_.begin()->first < small_.begin()->first ? &big_ : &small_;
}

void Queue::Add(const std::string& name, const FileStamp& stamp, Clock::time_point due) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = entries_.try_emplace(name, QueuedFile{stamp});
  QueuedFile& entry = found->second;
  if (is_new) {
    Wait(name, entry, due);
  } else if (entry.stamp == stamp) {
    if (entry.place && entry.failures == 0 && due < entry.place->first) Wait(name, entry, due);
  } else {
    entry.stamp = stamp;
    entry.failures = 0;
    if (entry.place) {
      Wait(name, entry, due);
    } else {
      entry.again = due;
    }
  }
}

void Queue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

std::optional<Queue::Job> Queue::Take(const std::stop_token& stop, Wanted wanted) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !AtEnd()) {
    Names* const names = FirstOf(wanted);
    if (names == nullptr) {
      changed_.wait(lock, stop, [&] { return FirstOf(wanted) != nullptr || AtEnd(); });
      continue;
    }
    const auto first = names->begin();
    const Clock::time_point due = first->first.first;
    if (due > Clock::now()) {
      changed_.wait_until(lock, stop, due, [&] {
        const Names* const now = FirstOf(wanted);
        return now == nullptr || now->begin()->first.first < due;
      });
      continue;
    }
    Job job{.name = std::move(first->second), .failures = 0};
    names->erase(first);
    QueuedFile& entry = entries_.at(job.name);
    entry.place.reset();
    job.failures = entry.failures;
    return job;
  }
  return std::nullopt;
}

void Queue::Done(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  QueuedFile& entry = found->second;
  if (const auto again = std::exchange(entry.again, std::nullopt)) {
    Wait(name, entry, *again);
    return;
  }
  entries_.erase(found);
  if (AtEnd()) changed_.notify_all();
}

void Queue::Again(const std::string& name, std::chrono::milliseconds delay, unsigned failures) {
  const std::lock_guard lock(mutex_);
  QueuedFile& entry = entries_.at(name);
  if (const auto again = std::exchange(entry.again, std::nullopt)) {
    Wait(name, entry, *again);  // it is a new file
    return;
  }
  entry.failures = failures;
  Wait(name, entry, Clock::now() + delay);
}

std::size_t Queue::Size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace hashpost::sender
