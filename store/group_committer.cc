#include "store/group_committer.h"

#include <iterator>
#include <utility>

#include "lib/watchdog/watchdog.h"

namespace hashpost::store {

GroupCommitter::GroupCommitter(MessageStore& store, CommitterOptions options)
    : store_(store), options_(options), thread_([this] { Run(); }) {}

void GroupCommitter::Finish() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void GroupCommitter::Submit(std::unique_ptr<PendingWrite> write) {
  bool wake = false;
  bool alone = false;
  {
    const std::scoped_lock lock(mutex_);
    const bool idle = queue_.empty() && !committing_ && !submitter_commits_;
    if (idle) waiting_since_ = std::chrono::steady_clock::now();
    alone = idle && options_.alone_at_once && last_size_ <= 1 && !stopping_ && !store_.BulkHasTurn();
    submitter_commits_ = submitter_commits_ || alone;
    queue_.push_back(std::move(write));
    // Every wake-up more would only interrupt the gathering.
    wake = !submitter_commits_ && queue_.size() == wake_at_;
  }
  if (wake) arrived_.notify_one();
  if (alone) CommitOnThisThread();
}

void GroupCommitter::CommitOnThisThread() {
  {
    const watchdog::Working working("committing messages");
    CommitQueue();
  }
  const std::scoped_lock lock(mutex_);
  submitter_commits_ = committing_ = false;
  if (!queue_.empty()) waiting_since_ = std::chrono::steady_clock::now();
  // Still locked: Finish goes on once it sees this, and the object may end before this thread has called.
  if (stopping_ || !queue_.empty()) arrived_.notify_one();
}

std::chrono::steady_clock::duration GroupCommitter::Delay() const {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty() && !committing_) return {};
  return std::chrono::steady_clock::now() - waiting_since_;
}

// False: it is time to end, and nothing is queued.
bool GroupCommitter::AwaitWrites() {
  std::unique_lock lock(mutex_);
  if (!submitter_commits_) committing_ = false;
  if (!queue_.empty()) waiting_since_ = std::chrono::steady_clock::now();
  wake_at_ = 1;
  arrived_.wait(lock, [&] { return !submitter_commits_ && (stopping_ || !queue_.empty()); });
  if (last_size_ > 1 && queue_.size() < last_size_) {
    wake_at_ = last_size_;
    arrived_.wait_for(lock, options_.gather, [&] { return stopping_ || queue_.size() >= last_size_; });
  }
  wake_at_ = 0;
  return !queue_.empty();
}

GroupCommitter::Batch GroupCommitter::Take() {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < queue_.size() && count < options_.max_batch_writes) {
    const auto message = queue_[count]->change().message;
    bytes += message ? message->size() : 0;
    if (count > 0 && bytes > options_.max_batch_bytes) break;
    ++count;
  }
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  Batch batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  committing_ = !batch.empty();
  last_size_ = count;
  return batch;
}

void GroupCommitter::Commit(Batch& batch, std::unique_ptr<MessageStore::CommitTurn> turn) {
  std::vector<Change> changes;
  changes.reserve(batch.size());
  for (const auto& write : batch) changes.push_back(write->change());
  try {
    const std::vector<Outcome> outcomes = turn->Apply(changes);
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->Done(outcomes[i]);
    return;
  } catch (const StoreBroken&) {
    // Never on after a failed sync: what it lost would be taken for stored.
    Fail(batch, std::current_exception());
    return;
  } catch (...) {
    if (batch.size() == 1) {
      Fail(batch, std::current_exception());
      return;
    }
  }
  for (auto& write : batch) {
    const watchdog::Waiting fresh_start;  // each is a piece of work of its own for the watchdog
    Batch alone;
    alone.push_back(std::move(write));
    AwaitTurnAndCommit(alone);
  }
}

void GroupCommitter::AwaitTurnAndCommit(Batch& batch) {
  std::unique_ptr<MessageStore::CommitTurn> turn;
  try {
    turn = store_.AwaitTurn();
  } catch (...) {
    if (batch.empty()) batch = Take();
    Fail(batch, std::current_exception());
    return;
  }
  if (batch.empty()) batch = Take();
  Commit(batch, std::move(turn));
}

void GroupCommitter::Fail(Batch& batch, const std::exception_ptr& error) {
  for (const auto& write : batch) write->Failed(error);
}

void GroupCommitter::CommitQueue() {
  Batch batch;
  AwaitTurnAndCommit(batch);
}

void GroupCommitter::Run() {
  while (AwaitWrites()) {
    const watchdog::Working working("committing messages");
    CommitQueue();
  }
}

}  // namespace hashpost::store
