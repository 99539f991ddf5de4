// FairLock: who may queue for the write lock of a store. That lock keeps no order: a thread that releases and
// re-acquires it usually beats one that must wake up, so writers that never pause (bulk) would keep others
// waiting for many of their batches. Here writers queue one at a time, and nobody overtakes the one that is
// next at the lock. Across processes, by open file description locks (fcntl(2)). Thread-safe. Once opened it
// never fails: without the kernel's locks, order is all that is lost.

#pragma once

#include <array>
#include <mutex>
#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::store {

class FairLock {
 public:
  // Uses the file turns.lock in `folder`, made if it is missing. Throws StoreError.
  explicit FairLock(const std::string& folder);

  enum Stage {
    kNext,  // to be the next at the write lock; leave it when you have that lock
    kBulk,  // before that, for who can let others go first; leave it when you have given the write lock back
  };

  // Whether somebody, in any process, has a place in the stage; does not wait.
  [[nodiscard]] bool IsTaken(Stage stage);

  // A place in a stage, to its end; waits for it. Taken and left by the same thread.
  class Place {
   public:
    Place(FairLock& fair_lock, Stage stage);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    const int file_;
    const Stage stage_;  // the byte of the file, too
    std::unique_lock<std::mutex> held_;
  };

 private:
  io::UniqueFd file_;
  std::array<std::mutex, 2> stages_;  // within the process
};

}  // namespace hashpost::store
