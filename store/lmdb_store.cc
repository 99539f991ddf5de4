#include "store/lmdb_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <system_error>
#include <utility>

#include "lib/io/unique_fd.h"
#include "lib/log/log.h"
#include "store/bus_error.h"
#include "store/record.h"

namespace hashpost::store {
namespace {

constexpr const char* kMessages = "messages";
constexpr const char* kMeta = "meta";
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "1";
// Left behind by a process whose sync failed: what is in memory may differ from what is on the disk.
constexpr const char* kSuspectFile = "/suspect";
// Reader slots for all threads of all workers, twice over for restarts; 64 bytes of lock.mdb each.
constexpr unsigned kMaxReaders = 4096;
// Above this a batch is written in key order, which touches each leaf page once.
constexpr std::size_t kSortFrom = 16;

std::int64_t NowMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string SystemMessage(int error) {
  return std::system_category().message(error);
}

// Deletes must work in a full store, and they need pages of their own before they free any.
std::size_t MapBytes(std::uint64_t max_bytes) {
  constexpr std::uint64_t kSlack = 64U << 20U;
  return max_bytes + std::max<std::uint64_t>(kSlack, max_bytes / 16);
}

void SyncFolder(const std::string& folder) {
  const io::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) {
    throw StoreBroken("The data folder " + folder + " cannot be synced: " + SystemMessage(errno) + ".");
  }
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

// Reader slots are scarce and their transactions costly to make, so they rest in a pool between reads.
class LmdbStore::Snapshot {
 public:
  explicit Snapshot(LmdbStore& store) : store_(store) {
    {
      const std::scoped_lock lock(store_.pool_mutex_);
      if (!store_.pool_.empty()) {
        txn_ = std::move(store_.pool_.back());
        store_.pool_.pop_back();
      }
    }
    if (txn_ == nullptr) {
      txn_ = store_.BeginRead();
    } else {
      txn_->Renew();
    }
  }
  ~Snapshot() {
    txn_->Reset();
    const std::scoped_lock lock(store_.pool_mutex_);
    store_.pool_.push_back(std::move(txn_));
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] MDB_txn* get() const { return txn_->get(); }

 private:
  LmdbStore& store_;
  std::unique_ptr<lmdb::ReadTxn> txn_;
};

LmdbStore::LmdbStore(LmdbStoreOptions options) : options_(std::move(options)) {
  InstallBusErrorHandler();
  try {
    env_ = std::make_unique<lmdb::Env>(options_.folder,
                                       lmdb::Options{MapBytes(options_.max_bytes), kMaxReaders, 2});
    // If every process died between writing and syncing, the newest commit may be in memory only: sync it
    // before anybody is told that it is there.
    env_->Sync();
    room_ = std::make_unique<Room>(options_.folder, *env_,
                                   RoomLimits{options_.max_bytes, options_.min_free_bytes});
    turnstile_ = std::make_unique<Turnstile>(options_.folder);
    env_->ClearStaleReaders();
    CreateFormat();
    SyncFolder(options_.folder);
    VerifyIfSuspect();
  } catch (const lmdb::Error& error) {
    throw StoreError("The store in " + options_.folder + " cannot be opened (" + error.what() +
                     "): check HASHPOST_DATA, its owner and its disk.");
  }
}

LmdbStore::~LmdbStore() {
  pool_.clear();
}

void LmdbStore::CreateFormat() {
  lmdb::WriteTxn txn(*env_);
  const lmdb::Database meta = lmdb::OpenDatabase(txn, kMeta);
  messages_ = lmdb::OpenDatabase(txn, kMessages);
  const auto format = lmdb::Get(txn.get(), meta, kFormatKey);
  if (format && *format != kFormat) {
    throw StoreError("The store in " + options_.folder + " has format " + std::string(*format) +
                     ", and this program knows format " + std::string(kFormat) +
                     ": use the version that wrote it.");
  }
  if (!format) kFormat.copy(lmdb::Reserve(txn, meta, kFormatKey, kFormat.size()), kFormat.size());
  txn.Commit();
}

// After a failed sync the kernel calls pages clean that never reached the disk. So they are dropped from
// memory and every message is read back from the disk and hashed before writes are taken again.
void LmdbStore::VerifyIfSuspect() {
  const std::string suspect = options_.folder + kSuspectFile;
  const io::UniqueFd mark(::open(suspect.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mark && errno == ENOENT) return;
  if (!mark) throw StoreError(suspect + " cannot be opened: " + SystemMessage(errno) + ".");
  if (::flock(mark.get(), LOCK_EX) != 0 || ::access(suspect.c_str(), F_OK) != 0) return;  // a sibling did it
  log::Warning("store",
               "An earlier sync failed, so every message is read back and checked before writes go on.");
  const io::UniqueFd data(::open((options_.folder + "/data.mdb").c_str(), O_RDONLY | O_CLOEXEC));
  if (data) ::posix_fadvise(data.get(), 0, 0, POSIX_FADV_DONTNEED);
  const Snapshot snapshot(*this);
  lmdb::Cursor cursor(snapshot.get(), messages_);
  std::size_t checked = 0;
  std::size_t damaged = 0;
  while (const auto entry = cursor.Next()) {
    const auto record = ParseRecord(entry->value);
    ++checked;
    if (!record || crypto::HashSha256(record->bytes).Bytes() != entry->key) ++damaged;
  }
  if (damaged > 0) {
    throw StoreBroken(
        "Of " + std::to_string(checked) + " messages in " + options_.folder + " " + std::to_string(damaged) +
        " are damaged after a failed sync: restore a backup, or delete " + suspect + " to serve the others.");
  }
  ::unlink(suspect.c_str());
  log::Info("store", "All " + std::to_string(checked) + " messages are whole; writes go on.");
}

std::unique_ptr<lmdb::ReadTxn> LmdbStore::BeginRead() {
  try {
    return std::make_unique<lmdb::ReadTxn>(*env_);
  } catch (const lmdb::Error& error) {
    if (error.code() != MDB_READERS_FULL) throw;
    const int cleared = env_->ClearStaleReaders();
    log::Warning("store", "The reader table was full; cleared " + std::to_string(cleared) + " dead readers.");
    return std::make_unique<lmdb::ReadTxn>(*env_);
  }
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
    case EIO: {
      const std::string suspect = options_.folder + kSuspectFile;
      const io::UniqueFd mark(::open(suspect.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
      [[fallthrough]];
    }
    default:
      broken_ = true;
      throw StoreBroken(std::string("The store failed (") + error.what() + ") in " + options_.folder + ".");
  }
}

std::vector<Outcome> LmdbStore::Commit(lmdb::WriteTxn& txn, std::span<const Change> changes) {
  std::vector<std::size_t> order(changes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto by_digest = [&](std::size_t a, std::size_t b) { return changes[a].digest < changes[b].digest; };
  if (changes.size() >= kSortFrom && !std::is_sorted(order.begin(), order.end(), by_digest)) {
    // Stable, so that changes of one digest stay in their order.
    std::stable_sort(order.begin(), order.end(), by_digest);
  }
  std::vector<Outcome> outcomes(changes.size());
  const std::int64_t now_ms = NowMs();
  room_->CheckFor(changes);  // within the transaction: the workers do not count on the same room
  bool changed = false;
  for (const std::size_t i : order) {
    outcomes[i] = ApplyOne(txn, messages_, changes[i], now_ms);
    changed = changed || outcomes[i] == Outcome::kCreated || outcomes[i] == Outcome::kDeleted;
  }
  if (changed) txn.Commit();
  return outcomes;
}

class LmdbStore::WriteTurn : public MessageStore::Turn {
 public:
  WriteTurn(LmdbStore& store, bool is_bulk) : store_(store) {
    if (is_bulk) bulk_.emplace(*store.turnstile_, Turnstile::kBulk);
    const Turnstile::Place next(*store.turnstile_, Turnstile::kNext);
    txn_.emplace(*store.env_);
  }

  [[nodiscard]] std::vector<Outcome> Apply(std::span<const Change> changes) override {
    try {
      try {
        return Commit(changes);
      } catch (const lmdb::Error& error) {
        // A reader that died keeps pages from being reused: clear it and try once more.
        if (error.code() != MDB_MAP_FULL || store_.env_->ClearStaleReaders() == 0) throw;
        txn_.emplace(*store_.env_);
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
      std::vector<Outcome> outcomes = store_.Commit(*txn_, changes);
      txn_.reset();
      return outcomes;
    } catch (...) {
      txn_.reset();
      throw;
    }
  }

  LmdbStore& store_;
  std::optional<Turnstile::Place> bulk_;
  std::optional<lmdb::WriteTxn> txn_;  // ends before bulk_
};

std::unique_ptr<MessageStore::Turn> LmdbStore::AwaitTurn() {
  return MakeTurn(false);
}

std::unique_ptr<MessageStore::Turn> LmdbStore::AwaitBulkTurn() {
  return MakeTurn(true);
}

std::unique_ptr<MessageStore::Turn> LmdbStore::MakeTurn(bool is_bulk) {
  if (broken_)
    throw StoreBroken("The store in " + options_.folder + " failed before; this process must end.");
  try {
    return std::make_unique<WriteTurn>(*this, is_bulk);
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

std::optional<StoredMessage> LmdbStore::Get(const Digest& digest, const Admit& admit) {
  try {
    StoredMessage message;
    {
      const ReadingRecord reading(digest);
      const Snapshot snapshot(*this);
      const auto value = lmdb::Get(snapshot.get(), messages_, digest.Bytes());
      if (!value) return std::nullopt;
      const auto record = ParseRecord(*value);
      if (!record) throw RecordDamaged("The record of " + digest.Hex() + " is too short.");
      admit(record->bytes.size());
      message = {record->created_ms, std::string(record->bytes)};
    }
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
  try {
    const ReadingRecord reading(digest);
    const Snapshot snapshot(*this);
    const auto value = lmdb::Get(snapshot.get(), messages_, digest.Bytes());
    return value && IsRecordOf(*value, message);
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

std::optional<MessageInfo> LmdbStore::Find(const Digest& digest) {
  try {
    const ReadingRecord reading(digest);
    const Snapshot snapshot(*this);
    const auto value = lmdb::Get(snapshot.get(), messages_, digest.Bytes());
    if (!value) return std::nullopt;
    const auto record = ParseRecord(*value);
    if (!record) throw RecordDamaged("The record of " + digest.Hex() + " is too short.");
    return MessageInfo{record->created_ms, record->bytes.size()};
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

std::vector<Digest> LmdbStore::Scan(const std::optional<Digest>& after, std::size_t limit) {
  try {
    std::vector<Digest> digests;
    const Snapshot snapshot(*this);
    lmdb::Cursor cursor(snapshot.get(), messages_);
    auto entry = after ? cursor.SeekAtLeast(after->Bytes()) : cursor.Next();
    if (after && entry && entry->key == after->Bytes()) entry = cursor.Next();
    for (; entry && digests.size() < limit; entry = cursor.Next()) {
      std::array<std::uint8_t, Digest::kSize> bytes{};
      if (entry->key.size() != bytes.size()) throw StoreBroken("A key of the store is not a digest.");
      std::copy(entry->key.begin(), entry->key.end(), bytes.begin());
      digests.emplace_back(bytes);
    }
    return digests;
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

void LmdbStore::CheckWritable() {
  struct statvfs disk {};
  if (::statvfs(options_.folder.c_str(), &disk) != 0) {
    throw StoreUnavailable("The store's folder cannot be reached: " + SystemMessage(errno) + ".");
  }
  if ((disk.f_flag & ST_RDONLY) != 0) {
    throw StoreUnavailable("The store's folder is on a file system that is mounted read-only.");
  }
  try {
    room_->CheckForAny();
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

void LmdbStore::Maintain() {
  try {
    const int cleared = env_->ClearStaleReaders();
    if (cleared > 0) log::Info("store", "Cleared " + std::to_string(cleared) + " readers that died.");
  } catch (const lmdb::Error& error) {
    log::Warning("store", error.what());
  }
}

}  // namespace hashpost::store
