// BulkCommitter: a thread that stores one batch of an upload and sends its answers while the thread of the
// upload prepares the next one.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/resources/bulk_batch.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "store/message_store.h"

namespace hashpost::resources {

// What has become of an upload so far.
struct BulkTally {
  std::uint64_t failed = 0;        // messages that the store did not take
  int last_failure = 0;            // the status that the last of them has got
  std::uint64_t answer_bytes = 0;  // written, whether or not they have left
};

class BulkCommitter {
 public:
  // Starts the thread. All references must outlive the object. Throws std::system_error if there is no thread
  // to be had.
  BulkCommitter(store::MessageStore& store, const ProblemRenderer& renderer, std::size_t max_batch_lines);
  ~BulkCommitter() { Finish(); }
  BulkCommitter(const BulkCommitter&) = delete;
  BulkCommitter& operator=(const BulkCommitter&) = delete;

  // Where the answers go; once, before the first batch.
  void AnswerTo(http::ResponseStream& answers) { answers_ = &answers; }

  // Waits until the batch before is answered and takes `batch`, which comes back empty. False: the client is
  // gone or the store broke, so it is of no use to go on.
  bool Take(BulkBatch& batch);

  // Of all batches before the one that was taken last, at least.
  [[nodiscard]] BulkTally tally() const;

  // Waits until all that was taken is answered, and ends the thread. Again is harmless. False: an answer is
  // missing.
  bool Finish();

 private:
  void Run();
  [[nodiscard]] bool StoreAndAnswer() noexcept;
  void Count();

  store::MessageStore& store_;
  const ProblemRenderer& renderer_;
  http::ResponseStream* answers_ = nullptr;
  BulkBatch batch_;  // the committer's while has_batch_ is set
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool has_batch_ = false;  // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  bool over_ = false;       // guarded by mutex_
  BulkTally tally_;         // guarded by mutex_
  bool complete_ = true;    // the committer's until it has ended
  std::thread thread_;
};

}  // namespace hashpost::resources
