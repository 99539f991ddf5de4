// Recovery: copies what is whole in a damaged store to a new one (docs/operations.md). The damaged one is
// only read, without LMDB, which refuses a file whose first or second page is damaged.

#pragma once

#include <cstdint>
#include <string>

#include "store/store_check.h"

namespace hashpost::store {

struct Recovery {
  std::uint64_t messages = 0;     // that were copied
  std::uint64_t transaction = 0;  // the commit that was recovered
  bool may_be_older = false;      // another meta page, perhaps of a later commit, could not be used
  Damage damage;                  // what was left behind
  [[nodiscard]] bool Complete() const { return !may_be_older && !damage.Any(); }
};

// Copies the messages of the store in `from`, which no worker may have open, to a store in `into`, which must
// not be there or be empty. Of the two meta pages it takes the later one whose tree is whole, or else the one
// that leads to more. Throws StoreError with a sentence.
[[nodiscard]] Recovery RecoverStore(const std::string& from, const std::string& into,
                                    std::uint64_t max_bytes);

}  // namespace hashpost::store
