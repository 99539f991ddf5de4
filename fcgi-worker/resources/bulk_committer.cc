#include "fcgi-worker/resources/bulk_committer.h"

#include <exception>
#include <utility>

#include "lib/watchdog/watchdog.h"

namespace hashpost::resources {

BulkCommitter::BulkCommitter(store::MessageStore& store, const ProblemRenderer& renderer,
                             std::size_t max_batch_lines)
    : store_(store), renderer_(renderer), batch_(max_batch_lines), thread_([this] { Run(); }) {}

bool BulkCommitter::Take(BulkBatch& batch) {
  const watchdog::Waiting waiting;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !has_batch_; });
  if (over_) {
    batch.Clear();
    return false;
  }
  if (batch.empty()) return true;
  std::swap(batch_, batch);
  has_batch_ = true;
  changed_.notify_all();
  return true;
}

BulkTally BulkCommitter::tally() const {
  const std::scoped_lock lock(mutex_);
  return tally_;
}

bool BulkCommitter::Finish() {
  if (!thread_.joinable()) return complete_;
  const watchdog::Waiting waiting;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return complete_;
}

void BulkCommitter::Run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return has_batch_ || stopping_; });
      if (!has_batch_) return;
    }
    bool goes_on = false;
    {
      const watchdog::Working working("storing lines of an upload");
      goes_on = StoreAndAnswer();
    }
    const std::scoped_lock lock(mutex_);
    has_batch_ = false;
    over_ = over_ || !goes_on;
    changed_.notify_all();
  }
}

void BulkCommitter::Count() {
  const std::scoped_lock lock(mutex_);
  tally_.failed += batch_.failed();
  if (batch_.failed() > 0) tally_.last_failure = batch_.last_failure();
  tally_.answer_bytes += batch_.answers().size();
}

// False: nothing may follow.
bool BulkCommitter::StoreAndAnswer() noexcept {
  try {
    const bool store_works = batch_.Store(store_, renderer_);
    answers_->Write(batch_.answers());
    Count();
    batch_.Clear();
    return answers_->Flush() && store_works;
  } catch (...) {
    (void)renderer_.Explain(std::current_exception());  // logs it
    batch_.Clear();
    complete_ = false;
    return false;
  }
}

}  // namespace hashpost::resources
