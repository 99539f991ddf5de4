// Scrub: a thread that looks after a store while it is served. It walks the tree and compares its entries
// with LMDB's count, then hashes every message again, at most 10 MiB a second (ScrubOptions) and never
// at the cost of a request; what it finds goes to the DamageMark and the log. One worker at a time does it.
// Once a second it also looks whether the store's files are still those that are open, and whether a disk
// that was read-only is writable again.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lib/io/unique_fd.h"
#include "store/damage_mark.h"
#include "store/lmdb_files.h"
#include "store/store_check.h"
#include "store/transactions.h"

namespace hashpost::store {

struct ScrubOptions {
  std::size_t slice_bytes = std::size_t{1} << 20U;  // read in one snapshot; later ones see what changed
  std::chrono::milliseconds pause{100};             // after each slice: at most 10 MiB a second
  // The tree is walked in one snapshot, or nothing could be counted. Pages that are replaced meanwhile cannot
  // be used again, so it goes faster, and gives up when the file has grown by this many pages.
  std::chrono::milliseconds tree_pause{10};
  std::size_t max_growth_pages = 16384;
  std::chrono::seconds interval{3600};  // from the end of a round to the next one
  std::chrono::seconds hurry{10};       // the same while damage is known, or if the tree could not be counted
};

class Scrub {
 public:
  // `on_end` is called, from the thread of its own, when this process should end so that another one can open
  // the store. The other objects must outlive this one.
  Scrub(LmdbFiles& files, Transactions& transactions, DamageMark& mark,
        std::function<void(const std::string& reason)> on_end, ScrubOptions options = {});
  ~Scrub();
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

 private:
  void Run();
  bool Pause(std::chrono::milliseconds time);  // false: it is to end
  void LookAfterFiles();
  [[nodiscard]] bool IsMyTurn();
  // A page that a commit writes while it is read may look damaged: only what a second look also finds
  // counts.
  enum class Look : std::uint8_t { kFirst, kAgain };
  std::optional<bool> LookThrough(Look look);  // as Round; nullopt: the first look suspects damage
  bool Round();                                // whether it came to its end, and all was whole
  bool CountTree(StoreCheck& check);
  bool HashMessages(StoreCheck& check);
  void Report(const StoreCheck& check, bool counted);

  LmdbFiles& files_;
  Transactions& transactions_;
  DamageMark& mark_;
  const std::function<void(const std::string&)> on_end_;
  const ScrubOptions options_;
  io::UniqueFd turn_;  // locked while this process does it
  bool has_turn_ = false;
  io::UniqueFd last_turn_;  // locked by a worker that ends for one that writes
  bool said_end_ = false;
  std::chrono::steady_clock::time_point looked_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

// A read transaction, and the meta page of its snapshot. Throws StoreDamaged, and notes it in `check`,
// if no meta page can be trusted.
[[nodiscard]] lmdb::MetaPage FindSnapshot(StoreCheck& check, std::optional<Transactions::Read>& read,
                                          Transactions& transactions, const lmdb::Env& env);

}  // namespace hashpost::store
