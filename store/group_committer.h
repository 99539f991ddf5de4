// GroupCommitter: many threads' writes, one durable commit. A thread of its own (or a writer that is alone)
// takes what is queued, up to a bound, applies it in one batch, and tells each write its own outcome. A batch
// that fails is tried again one by one, so that one write that cannot be made does not fail its neighbours.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/message_store.h"

namespace hashpost::store {

// A write that waits for its commit. It owns the bytes that its change points to.
class PendingWrite {
 public:
  virtual ~PendingWrite() = default;
  [[nodiscard]] virtual Change change() const = 0;
  // Exactly one of the two is called, once, on whichever thread commits; neither may throw.
  virtual void Done(Outcome outcome) noexcept = 0;
  virtual void Failed(const std::exception_ptr& error) noexcept = 0;
};

struct CommitterOptions {
  // When the last batch held more than one write, others are likely on their way: wait this long for them.
  // A lone client waits once at most, after others have gone.
  std::chrono::microseconds gather{500};
  std::size_t max_batch_writes = 1024;
  std::size_t max_batch_bytes = 16U << 20U;  // one larger write is a batch of its own
  // Whether a write that finds nobody else is committed by the thread that submits it, which spares a lone
  // client the time until the committer's thread is awake. At most one such thread is held at a time.
  bool alone_at_once = false;
};

class GroupCommitter {
 public:
  explicit GroupCommitter(MessageStore& store, CommitterOptions options = {});
  ~GroupCommitter() { Finish(); }
  GroupCommitter(const GroupCommitter&) = delete;
  GroupCommitter& operator=(const GroupCommitter&) = delete;

  // Queues `write`, or commits it (CommitterOptions::alone_at_once); does not block but for that.
  // Thread-safe. How much may queue is bounded by whoever admits requests.
  void Submit(std::unique_ptr<PendingWrite> write);

  // Commits and answers what is queued, then ends the thread; afterwards nothing may be queued. May be called
  // again.
  void Finish();

  // How long the oldest queued write has waited; zero if none waits.
  [[nodiscard]] std::chrono::steady_clock::duration Delay() const;

 private:
  using Batch = std::vector<std::unique_ptr<PendingWrite>>;
  void Run();
  [[nodiscard]] bool AwaitWrites();
  [[nodiscard]] Batch Take();
  void CommitOnThisThread();
  void CommitQueue();
  // An empty batch is filled from the queue once the turn has come.
  void AwaitTurnAndCommit(Batch& batch);
  void Commit(Batch& batch, std::unique_ptr<MessageStore::CommitTurn> turn);
  static void Fail(Batch& batch, const std::exception_ptr& error);

  MessageStore& store_;
  const CommitterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Batch queue_;                                          // guarded by mutex_
  std::chrono::steady_clock::time_point waiting_since_;  // guarded by mutex_; meaningful if writes wait
  bool committing_ = false;                              // guarded by mutex_
  bool submitter_commits_ = false;  // guarded by mutex_; the committer's thread waits meanwhile
  std::size_t last_size_ = 0;       // of the last batch; guarded by mutex_
  std::size_t wake_at_ = 1;  // queue length at which the committer wants to be woken; guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace hashpost::store
