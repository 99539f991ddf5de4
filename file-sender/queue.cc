#include "file-sender/queue.h"

#include <algorithm>

namespace hashpost::sender {

void Queue::Wait(const std::string& name, Entry& entry, Clock::time_point due) {
  if (entry.place) waiting_.erase(*entry.place);
  entry.place = Place(due, next_++);
  waiting_.emplace(*entry.place, name);
  changed_.notify_one();
}

void Queue::Add(const std::string& name, const FileStamp& stamp, Clock::time_point due) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = entries_.try_emplace(name, Entry{stamp});
  Entry& entry = found->second;
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

std::optional<Queue::Job> Queue::Take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !AtEnd()) {
    if (waiting_.empty()) {
      changed_.wait(lock, stop, [this] { return !waiting_.empty() || AtEnd(); });
      continue;
    }
    const auto first = waiting_.begin();
    const Clock::time_point due = first->first.first;
    if (due > Clock::now()) {
      changed_.wait_until(lock, stop, due,
                          [&] { return waiting_.empty() || waiting_.begin()->first.first < due; });
      continue;
    }
    Job job{.name = std::move(first->second), .failures = 0};
    waiting_.erase(first);
    Entry& entry = entries_.at(job.name);
    entry.place.reset();
    job.failures = entry.failures;
    // Who woke for this one may have been all who knew of the next: another has to wait for that now.
    if (!waiting_.empty()) changed_.notify_one();
    return job;
  }
  return std::nullopt;
}

void Queue::Done(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  Entry& entry = found->second;
  if (const auto again = std::exchange(entry.again, std::nullopt)) {
    Wait(name, entry, *again);
    return;
  }
  entries_.erase(found);
  if (AtEnd()) changed_.notify_all();
}

void Queue::Again(const std::string& name, std::chrono::milliseconds delay, unsigned failures) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(name);
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
