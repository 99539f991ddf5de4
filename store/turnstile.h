// Turnstile: who may queue for the write lock of a store. That lock knows no order: who gives it back and
// asks again at once is mostly faster than a thread that has to wake up for it, so writers that never pause
// (bulk) would keep others waiting for many of their batches. Here they queue one at a time, and nobody gets
// past who stands at the lock already. Across processes, by open file description locks (fcntl(2)).
// Thread-safe. Once opened it never fails: without the kernel's locks, order is all that is lost.

#pragma once

#include <array>
#include <mutex>
#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::store {

class Turnstile {
 public:
  // Uses the file turns.lock in `folder`, made if it is missing. Throws StoreError.
  explicit Turnstile(const std::string& folder);

  enum Lane {
    kNext,  // to be the next at the write lock; leave it when you have that lock
    kBulk,  // before that, for who can let others go first; leave it when you have given the write lock back
  };

  // Whether somebody, in any process, has a place in the lane; does not wait.
  [[nodiscard]] bool IsTaken(Lane lane);

  // A place in a lane, to its end; waits for it. Taken and left by the same thread.
  class Place {
   public:
    Place(Turnstile& turnstile, Lane lane);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    const int file_;
    const Lane lane_;  // the byte of the file, too
    std::unique_lock<std::mutex> held_;
  };

 private:
  io::UniqueFd file_;
  std::array<std::mutex, 2> lanes_;  // within the process
};

}  // namespace hashpost::store
