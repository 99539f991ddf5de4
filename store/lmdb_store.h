// LmdbStore: the embedded MessageStore, one LMDB environment shared by all workers of one machine.
// Caveats: a local file system; one PID namespace; open it once in a process and after fork().
// A page of the map that the disk cannot read is SIGBUS: the process logs the digest at hand and ends.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/lmdb/lmdb.h"
#include "store/message_store.h"
#include "store/room.h"
#include "store/turnstile.h"

namespace hashpost::store {

struct LmdbStoreOptions {
  std::string folder;                         // must exist and be writable
  std::uint64_t max_bytes;                    // of the data file, free pages not counted; past it StoreFull
  std::uint64_t min_free_bytes = 16U << 20U;  // of the disk, below which CheckWritable says StoreFull
};

class LmdbStore : public MessageStore {
 public:
  // Opens or creates the store and forces it to the disk, so that nothing is ever served that is only in
  // memory. If an earlier sync failed, first reads back and re-hashes every message. Throws StoreError with a
  // sentence that names the folder.
  explicit LmdbStore(LmdbStoreOptions options);
  ~LmdbStore() override;

  [[nodiscard]] std::unique_ptr<Turn> AwaitTurn() override;
  [[nodiscard]] std::unique_ptr<Turn> AwaitBulkTurn() override;
  [[nodiscard]] bool BulkHasTurn() override { return turnstile_->IsTaken(Turnstile::kBulk); }
  [[nodiscard]] std::optional<StoredMessage> Get(const Digest& digest, const Admit& admit) override;
  [[nodiscard]] bool Holds(const Digest& digest, std::string_view message) override;
  [[nodiscard]] std::optional<MessageInfo> Find(const Digest& digest) override;
  [[nodiscard]] std::vector<Digest> Scan(const std::optional<Digest>& after, std::size_t limit) override;
  void CheckWritable() override;
  void Maintain() override;

 private:
  class Snapshot;  // a read transaction on loan from the pool
  class WriteTurn;

  std::unique_ptr<Turn> MakeTurn(bool is_bulk);
  void CreateFormat();
  void VerifyIfSuspect();
  [[noreturn]] void Rethrow(const lmdb::Error& error);
  std::vector<Outcome> Commit(lmdb::WriteTxn& txn, std::span<const Change> changes);
  std::unique_ptr<lmdb::ReadTxn> BeginRead();

  const LmdbStoreOptions options_;
  std::unique_ptr<lmdb::Env> env_;
  std::unique_ptr<Room> room_;
  std::unique_ptr<Turnstile> turnstile_;
  lmdb::Database messages_ = 0;
  std::atomic<bool> broken_ = false;  // set once: a sync failed, so no write may follow
  std::mutex pool_mutex_;
  std::vector<std::unique_ptr<lmdb::ReadTxn>> pool_;  // resting; guarded by pool_mutex_
};

}  // namespace hashpost::store
