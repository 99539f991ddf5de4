// LMDB with RAII: environments, transactions, databases and their entries.
// Caveats that LMDB's documentation gives and a reader meets here:
// - Open an environment once in a process, and after fork().
// - One thread uses a transaction at a time; a thread has at most one write transaction.
// - A view returned by Get or a Cursor points into the map: it is valid until the transaction ends or is
//   reset, or (in a WriteTxn) until the next change.

#pragma once

#include <lmdb.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hashpost::lmdb {

// A call failed with `code` (an MDB_… constant or errno); what() names the call and LMDB's own words.
class Error : public std::runtime_error {
 public:
  Error(const char* call, int code)
      : std::runtime_error(std::string(call) + ": " + mdb_strerror(code)), code_(code) {}
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

// Another version wrote it. what() ends a sentence: "has format 2, and this program knows format 1: use …".
class FormatUnknown : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct EnvOptions {
  std::size_t map_bytes;  // address space, and the most that the file can grow to
  unsigned max_readers;   // read transactions at once, over all processes
  unsigned max_databases;
  // Nothing is written, nor created. On a file system that is read-only there are no locks then, nor reader
  // slots: nobody else may write to the files meanwhile.
  bool read_only = false;
  // The path is that of a data file itself, which nobody writes to, or of which nothing but GetUsage is
  // asked. Nothing is written or created, and there is no lock file.
  bool is_copy = false;
};

struct Usage {
  std::size_t pages;             // that the file has ever used
  std::size_t page_size;         // bytes
  std::size_t last_transaction;  // the number of the last commit, of any process
};

class Env {
 public:
  // Opens data.mdb and lock.mdb (mode 0640) in the folder `path`, and makes them if they are missing and may
  // be written; with is_copy the data file `path` alone. Throws Error.
  Env(const std::string& path, const EnvOptions& options);
  ~Env() { mdb_env_close(env_); }
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  [[nodiscard]] MDB_env* get() const { return env_; }

  // Forces everything written so far to the disk. Throws Error; EACCES if it was opened read-only.
  void Sync();

  // Maps as much as the process that let the file grow most: for MDB_MAP_RESIZED. No transaction of this
  // process may be active. Throws Error; then the environment cannot be used any more.
  void AdoptMapSize();

  // Frees the slots of readers whose process has died; returns how many. Throws Error.
  int ClearStaleReaders();

  [[nodiscard]] Usage GetUsage() const;  // throws Error

 private:
  MDB_env* env_ = nullptr;
};

// A read transaction that can rest between uses: Reset gives up the snapshot and keeps the reader slot.
class ReadTxn {
 public:
  explicit ReadTxn(const Env& env);  // throws Error
  ~ReadTxn() { mdb_txn_abort(txn_); }
  ReadTxn(const ReadTxn&) = delete;
  ReadTxn& operator=(const ReadTxn&) = delete;

  [[nodiscard]] std::size_t Id() const { return mdb_txn_id(txn_); }  // the commit that it sees
  void Reset() { mdb_txn_reset(txn_); }
  void Renew();  // after Reset: a fresh snapshot. Throws Error.
  [[nodiscard]] MDB_txn* get() const { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
};

// A write transaction: all or nothing. Waits for the writers of all processes. Aborted unless committed.
class WriteTxn {
 public:
  explicit WriteTxn(const Env& env);  // throws Error
  ~WriteTxn() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;

  void Commit();  // on return it is on the disk. Throws Error: then nothing of it is stored.
  [[nodiscard]] MDB_txn* get() const { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
};

using Database = MDB_dbi;

inline constexpr const char* kMeta = "meta";

// Opens a named database, creating it if it is missing. Throws Error.
[[nodiscard]] Database OpenDatabase(const WriteTxn& txn, const char* name);

// An environment that was just opened: forces to the disk what a crash may have left in memory only, clears
// readers that died, and opens the database `name` beside one named "meta", where the format stands; makes
// both where they are missing. `folder` is that of its files; on return it is on the disk that they are
// there. Throws Error, FormatUnknown or std::system_error.
[[nodiscard]] Database OpenDurably(Env& env, const std::string& folder, const char* name,
                                   std::string_view format);

// Throws FormatUnknown unless the environment has `format`, or none yet.
void CheckFormat(MDB_txn* txn, Database meta, std::string_view format);

// Opens one that exists, else MDB_NOTFOUND. No other transaction of this process may be opening one. Throws
// Error.
[[nodiscard]] Database FindDatabase(const Env& env, const char* name);

[[nodiscard]] std::optional<std::string_view> Get(MDB_txn* txn, Database database, std::string_view key);

// The same in a read transaction, of a file that may be damaged: LMDB believes the size that an entry states.
// A value that has pages of its own ends with them, if it states more; one that does not fit into the page of
// its entry is MDB_CORRUPTED.
[[nodiscard]] std::optional<std::string_view> GetWithinPages(MDB_txn* txn, Database database,
                                                             std::string_view key);

// Makes room for `size` bytes under `key` and returns where to write them, before anything else is done with
// the transaction; nullptr if the key is taken. Throws Error.
[[nodiscard]] char* Reserve(const WriteTxn& txn, Database database, std::string_view key, std::size_t size);

// Whether there was such a key to delete. Throws Error.
bool Delete(const WriteTxn& txn, Database database, std::string_view key);

// Walks a database in key order.
class Cursor {
 public:
  Cursor(MDB_txn* txn, Database database);  // throws Error
  ~Cursor() { mdb_cursor_close(cursor_); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  struct Entry {
    std::string_view key;
    std::string_view value;
  };
  [[nodiscard]] std::optional<Entry> Next();  // first call: the first entry. Throws Error.

 private:
  MDB_cursor* cursor_ = nullptr;
};

// Pages that are free for reuse as `txn` sees it. Costs a walk over the free list.
[[nodiscard]] std::size_t FreePages(MDB_txn* txn);

}  // namespace hashpost::lmdb
