// LmdbStore: the embedded MessageStore, one LMDB environment shared by all workers of one machine.
// Caveats: a local file system; one PID namespace; open it once in a process and after fork().
// A page of the map that the disk cannot read is SIGBUS: the process logs the digest at hand and ends.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/lmdb/lmdb.h"
#include "store/damage_mark.h"
#include "store/fair_lock.h"
#include "store/lmdb_files.h"
#include "store/message_store.h"
#include "store/scrub.h"
#include "store/space_limit.h"
#include "store/store_check.h"
#include "store/transactions.h"

namespace hashpost::store {

struct LmdbStoreOptions {
  std::string folder;                         // must exist
  std::uint64_t max_bytes;                    // of the data file, free pages not counted; past it StoreFull
  std::uint64_t min_free_bytes = 16U << 20U;  // of the disk; below it a put is StoreFull
};

class LmdbStore : public MessageStore {
 public:
  // Opens or creates the store (LmdbFiles). Throws StoreError with a sentence that names the folder.
  explicit LmdbStore(LmdbStoreOptions options);

  [[nodiscard]] std::unique_ptr<CommitTurn> AwaitTurn() override;
  [[nodiscard]] std::unique_ptr<CommitTurn> AwaitBulkTurn() override;
  [[nodiscard]] bool BulkHasTurn() override { return fair_lock_ && fair_lock_->IsTaken(FairLock::kBulk); }
  [[nodiscard]] std::optional<StoredMessage> Get(const Digest& digest, const Admit& admit) override;
  [[nodiscard]] bool Holds(const Digest& digest, std::string_view message) override;
  [[nodiscard]] std::optional<MessageInfo> Find(const Digest& digest) override;
  void CheckWritable() override;
  [[nodiscard]] std::optional<std::string> KnownDamage() override;
  void Maintain() override;

  // Starts the thread that looks after the store (Scrub), once, after signals are blocked. It calls `on_end`
  // when this process should end.
  void StartScrub(std::function<void(const std::string& reason)> on_end);

  // Walks and hashes everything that is there now, without a pause.
  [[nodiscard]] Damage CheckEverything();

 private:
  Damage LookAtEverything();

  class WriteTurn;

  std::unique_ptr<CommitTurn> MakeTurn(bool is_bulk);
  void CheckGuard();
  void RefuseAbsence(const Digest& digest);
  void RefuseWritesToDamage();
  template <typename Use>
  [[nodiscard]] bool ReadRecord(const Digest& digest, Use use);
  [[noreturn]] void Rethrow(const lmdb::Error& error);
  [[nodiscard]] std::string ReadOnlySentence() const;
  std::vector<Outcome> Commit(lmdb::WriteTxn& txn, std::span<const Change> changes);

  const LmdbStoreOptions options_;
  LmdbFiles files_;
  Transactions transactions_;
  SpaceLimit space_;
  std::optional<FairLock> fair_lock_;  // unless the files were opened read-only
  DamageMark mark_;
  std::atomic<bool> broken_ = false;  // set once: a sync failed, so no write may follow
  std::optional<Scrub> scrub_;
};

}  // namespace hashpost::store
