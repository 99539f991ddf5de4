#include "store/lmdb_store.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <utility>

#include "lib/log/log.h"
#include "store/bus_error.h"
#include "store/record.h"

namespace hashpost::store {
namespace {

// Above this a batch is written in key order, which touches each leaf page once.
constexpr std::size_t kSortFrom = 16;

std::int64_t NowMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool IsRecordOf(std::string_view value, std::string_view message) {
  const auto record = ParseRecord(value);
  return record && record->bytes == message;
}

Outcome ApplyOne(const lmdb::WriteTxn& txn, lmdb::Database database, const Change& change,
                 std::int64_t now_ms) {
  const std::string_view key = change.digest.Bytes();
  if (!change.message) return lmdb::Delete(txn, database, key) ? Outcome::kDeleted : Outcome::kAbsent;
  const std::size_t size = kRecordHeader + change.message->size();
  char* place = lmdb::Reserve(txn, database, key, size);
  if (place == nullptr) {
    if (IsRecordOf(*lmdb::Get(txn.get(), database, key), *change.message)) return Outcome::kExisted;
    log::Warning("store",
                 "The damaged record of " + change.digest.Hex() + " is replaced by the message posted.");
    lmdb::Delete(txn, database, key);
    place = lmdb::Reserve(txn, database, key, size);
  }
  WriteRecord(place, now_ms, *change.message);
  return Outcome::kCreated;
}

}  // namespace

LmdbStore::LmdbStore(LmdbStoreOptions options)
    : options_(std::move(options)),
      files_(options_.folder, options_.max_bytes),
      transactions_(files_.env()),
      space_(options_.folder, files_.env(), SpaceLimits{options_.max_bytes, options_.min_free_bytes}),
      mark_(options_.folder) {
  if (!files_.read_only()) fair_lock_.emplace(options_.folder);
}

std::string LmdbStore::ReadOnlySentence() const {
  return "HASHPOST_DATA=" + options_.folder +
         " is on a file system that is read-only: messages can be read, and nothing can be stored or "
         "deleted.";
}

// Two of stat(2) cost next to nothing beside the sync that follows.
void LmdbStore::CheckGuard() {
  try {
    files_.CheckGuard();
  } catch (const StoreBroken&) {
    broken_ = true;
    throw;
  }
}

// Whether it was stored cannot be said while something may be there that cannot be found: a damaged record
// may be one whose digest was changed.
void LmdbStore::RefuseAbsence(const Digest& digest) {
  const auto damage = mark_.Read();
  if (damage) throw StoreDamaged(digest.Hex() + " cannot be found. " + damage->sentence);
}

// The list of free pages may be damaged as well: a commit could write over messages.
void LmdbStore::RefuseWritesToDamage() {
  const auto damage = mark_.Read();
  if (damage && damage->in_tree) throw StoreDamaged("Nothing is written. " + damage->sentence);
}

void LmdbStore::Rethrow(const lmdb::Error& error) {
  switch (error.code()) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
      throw StoreFull(
          "The store is full: free space on its disk, raise HASHPOST_MAX_STORE_BYTES, or delete messages.");
    case MDB_READERS_FULL:
      throw StoreUnavailable("All reader slots of the store are taken: try again in a moment.");
    case ENOMEM:
    case EAGAIN:
    case EINTR:
      throw StoreUnavailable(std::string("The store cannot be read now (") + error.what() + "): try again.");
    case EROFS:
      throw StoreReadOnly(ReadOnlySentence());
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL: {
      const std::string sentence = "The store in " + options_.folder + " is damaged (" + error.what() + ").";
      if (!mark_.Read()) mark_.Write({true, sentence});
      throw StoreDamaged(sentence);
    }
    case EIO:
      files_.MarkSuspect();
      [[fallthrough]];
    default:
      broken_ = true;
      throw StoreBroken(std::string("The store failed (") + error.what() + ") in " + options_.folder + ".");
  }
}

std::vector<Outcome> LmdbStore::Commit(lmdb::WriteTxn& txn, std::span<const Change> changes) {
  CheckGuard();
  RefuseWritesToDamage();
  std::vector<std::size_t> order(changes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto by_digest = [&](std::size_t a, std::size_t b) { return changes[a].digest < changes[b].digest; };
  if (changes.size() >= kSortFrom && !std::is_sorted(order.begin(), order.end(), by_digest)) {
    // Stable, so that changes of one digest stay in their order.
    std::stable_sort(order.begin(), order.end(), by_digest);
  }
  std::vector<Outcome> outcomes(changes.size());
  const std::int64_t now_ms = NowMs();
  space_.CheckFor(changes);  // within the transaction: the workers do not count on the same room
  bool changed = false;
  for (const std::size_t i : order) {
    outcomes[i] = ApplyOne(txn, files_.messages(), changes[i], now_ms);
    if (outcomes[i] == Outcome::kAbsent) RefuseAbsence(changes[i].digest);
    changed = changed || outcomes[i] == Outcome::kCreated || outcomes[i] == Outcome::kDeleted;
  }
  if (changed) txn.Commit();
  return outcomes;
}

class LmdbStore::WriteTurn : public MessageStore::CommitTurn {
 public:
  WriteTurn(LmdbStore& store, bool is_bulk) : store_(store) {
    if (is_bulk) bulk_.emplace(*store.fair_lock_, FairLock::kBulk);
    const FairLock::Place next(*store.fair_lock_, FairLock::kNext);
    txn_.emplace(store.transactions_);
  }

  [[nodiscard]] std::vector<Outcome> Apply(std::span<const Change> changes) override {
    try {
      try {
        return Commit(changes);
      } catch (const lmdb::Error& error) {
        // A reader that died keeps pages from being reused: clear it and try once more.
        if (error.code() != MDB_MAP_FULL || store_.files_.env().ClearStaleReaders() == 0) throw;
        txn_.emplace(store_.transactions_);
        return Commit(changes);
      }
    } catch (const lmdb::Error& error) {
      store_.Rethrow(error);
    }
  }

 private:
  // Ends the transaction in any case, so that others have their turn while this thread answers or tries
  // again.
  std::vector<Outcome> Commit(std::span<const Change> changes) {
    try {
      std::vector<Outcome> outcomes = store_.Commit(txn_->txn(), changes);
      txn_.reset();
      return outcomes;
    } catch (...) {
      txn_.reset();
      throw;
    }
  }

  LmdbStore& store_;
  std::optional<FairLock::Place> bulk_;
  std::optional<Transactions::Write> txn_;  // ends before bulk_
};

std::unique_ptr<MessageStore::CommitTurn> LmdbStore::AwaitTurn() {
  return MakeTurn(false);
}

std::unique_ptr<MessageStore::CommitTurn> LmdbStore::AwaitBulkTurn() {
  return MakeTurn(true);
}

std::unique_ptr<MessageStore::CommitTurn> LmdbStore::MakeTurn(bool is_bulk) {
  if (files_.read_only()) throw StoreReadOnly(ReadOnlySentence());
  if (broken_)
    throw StoreBroken("The store in " + options_.folder + " failed before; this process must end.");
  try {
    return std::make_unique<WriteTurn>(*this, is_bulk);
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

// Gives the record of `digest` to `use`, within one snapshot; false if it is not stored.
template <typename Use>
bool LmdbStore::ReadRecord(const Digest& digest, Use use) {
  const ReadingRecord reading(digest);
  const Transactions::Read snapshot(transactions_);
  const auto value = lmdb::GetWithinPages(snapshot.get(), files_.messages(), digest.Bytes());
  if (!value) {
    RefuseAbsence(digest);
    return false;
  }
  const auto record = ParseRecord(*value);
  if (!record) throw RecordDamaged("The record of " + digest.Hex() + " is too short.");
  use(*record);
  return true;
}

std::optional<StoredMessage> LmdbStore::Get(const Digest& digest, const Admit& admit) {
  try {
    StoredMessage message;
    const auto copy = [&](const Record& record) {
      admit(record.bytes.size());
      message = {record.created_ms, std::string(record.bytes)};
    };
    if (!ReadRecord(digest, copy)) return std::nullopt;
    // Hashed after the snapshot has ended: a long message must not keep old pages from being reused.
    if (crypto::HashSha256(message.bytes) != digest) {
      throw RecordDamaged("The stored bytes of " + digest.Hex() + " do not hash to it.");
    }
    return message;
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

bool LmdbStore::Holds(const Digest& digest, std::string_view message) {
  // What is there may be in memory only, and nothing can force it to the disk.
  if (files_.read_only()) throw StoreReadOnly(ReadOnlySentence());
  try {
    const ReadingRecord reading(digest);
    const Transactions::Read snapshot(transactions_);
    const auto value = lmdb::GetWithinPages(snapshot.get(), files_.messages(), digest.Bytes());
    return value && IsRecordOf(*value, message);
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

std::optional<MessageInfo> LmdbStore::Find(const Digest& digest) {
  try {
    MessageInfo info{};
    const auto look = [&](const Record& record) { info = {record.created_ms, record.bytes.size()}; };
    if (!ReadRecord(digest, look)) return std::nullopt;
    return info;
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

void LmdbStore::CheckWritable() {
  if (files_.read_only() || files_.DiskIsReadOnly()) throw StoreReadOnly(ReadOnlySentence());
  CheckGuard();
  RefuseWritesToDamage();
  try {
    const Transactions::Active map_stays(transactions_);
    space_.CheckForAny();
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

std::optional<std::string> LmdbStore::KnownDamage() {
  const auto damage = mark_.Read();
  if (!damage) return std::nullopt;
  return damage->sentence;
}

void LmdbStore::StartScrub(std::function<void(const std::string& reason)> on_end) {
  scrub_.emplace(files_, transactions_, mark_, std::move(on_end));
}

Damage LmdbStore::CheckEverything() {
  const Damage first = LookAtEverything();
  // (A page that another process commits meanwhile may look damaged: only what a second look also finds
  // counts.)
  return first.Any() ? LookAtEverything() : first;
}

Damage LmdbStore::LookAtEverything() {
  StoreCheck check(options_.folder);
  std::optional<Transactions::Read> snapshot;
  try {
    CheckAll(check, FindSnapshot(check, snapshot, transactions_, files_.env()));
  } catch (const StoreDamaged&) {  // it is noted
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
  return check.damage();
}

void LmdbStore::Maintain() {
  try {
    const int cleared = files_.env().ClearStaleReaders();
    if (cleared > 0) log::Info("store", "Cleared " + std::to_string(cleared) + " readers that died.");
  } catch (const lmdb::Error& error) {
    log::Warning("store", error.what());
  }
}

}  // namespace hashpost::store
