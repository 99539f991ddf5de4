// Turnstile: who may queue for the write lock of a store. That lock knows no order: who gives it back and
// asks again at once is mostly faster than a thread that has to wake up for it, so writers that never pause
// (bulk) would keep others waiting for many of their batches. Here they queue one at a time, and nobody gets
// past who stands at the lock already. Across processes, by open file description locks (fcntl(2)).
// Thread-safe. Once opened it never fails: without the kernel's locks, order is all that is lost.

#pragma once

#include <mutex>
#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::store {

class Turnstile {
 public:
  // Uses the file turns.lock in `folder`, made if it is missing. Throws StoreError.
  explicit Turnstile(const std::string& folder);

 private:
  struct Lane {
    std::mutex mutex;  // within the process
    int byte;          // of the file
  };

 public:
  // A place in a lane, to its end; taken and left by the same thread.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class Turnstile;
    Place(int file, Lane& lane);
    const int file_;
    Lane& lane_;
    std::unique_lock<std::mutex> held_;
  };

  // Waits to be the next at the write lock; end it when you have that lock.
  [[nodiscard]] Place AwaitNext() { return {file_.get(), next_}; }

  // Before AwaitNext, for who can let others go first; end it when you have given the write lock back.
  [[nodiscard]] Place AwaitBulk() { return {file_.get(), bulk_}; }

 private:
  io::UniqueFd file_;
  Lane next_{{}, 0};
  Lane bulk_{{}, 1};
};

}  // namespace hashpost::store
