#include "lib/lmdb/lmdb.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lib/io/folder.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::lmdb {
namespace {

constexpr std::string_view kFormatKey = "format";

void Check(const char* call, int code) {
  if (code != MDB_SUCCESS) throw Error(call, code);
}

MDB_val ToValue(std::string_view bytes) {
  // LMDB never writes through a key or value that it is given, though its types cannot say so.
  return {bytes.size(), const_cast<char*>(bytes.data())};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

std::string_view ToView(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

}  // namespace

Env::Env(const std::string& path, const EnvOptions& options) {
  Check("mdb_env_create", mdb_env_create(&env_));
  try {
    Check("mdb_env_set_mapsize", mdb_env_set_mapsize(env_, options.map_bytes));
    Check("mdb_env_set_maxreaders", mdb_env_set_maxreaders(env_, options.max_readers));
    Check("mdb_env_set_maxdbs", mdb_env_set_maxdbs(env_, options.max_databases));
    // NOTLS: a reader slot belongs to the transaction, so a pool of them serves any thread.
    // NORDAHEAD: digests are random, so what lies beside a message on the disk is of no use.
    const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options.read_only ? MDB_RDONLY : 0U) |
                           (options.is_copy ? MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR : 0U);
    Check("mdb_env_open", mdb_env_open(env_, path.c_str(), flags, 0640));
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

void Env::Sync() {
  Check("mdb_env_sync", mdb_env_sync(env_, 1));
}

void Env::AdoptMapSize() {
  Check("mdb_env_set_mapsize", mdb_env_set_mapsize(env_, 0));
}

int Env::ClearStaleReaders() {
  int cleared = 0;
  Check("mdb_reader_check", mdb_reader_check(env_, &cleared));
  return cleared;
}

Usage Env::GetUsage() const {
  MDB_envinfo info;
  MDB_stat stat;
  Check("mdb_env_info", mdb_env_info(env_, &info));
  Check("mdb_env_stat", mdb_env_stat(env_, &stat));
  return {info.me_last_pgno + 1, stat.ms_psize, info.me_last_txnid};
}

ReadTxn::ReadTxn(const Env& env) {
  Check("mdb_txn_begin", mdb_txn_begin(env.get(), nullptr, MDB_RDONLY, &txn_));
}

void ReadTxn::Renew() {
  Check("mdb_txn_renew", mdb_txn_renew(txn_));
}

WriteTxn::WriteTxn(const Env& env) {
  // Another process may hold the writer's lock for as long as it likes; that is not this thread's fault.
  const watchdog::Waiting waiting;
  Check("mdb_txn_begin", mdb_txn_begin(env.get(), nullptr, 0, &txn_));
}

void WriteTxn::Commit() {
  Check("mdb_txn_commit", mdb_txn_commit(std::exchange(txn_, nullptr)));
}

Database OpenDatabase(const WriteTxn& txn, const char* name) {
  Database database = 0;
  Check("mdb_dbi_open", mdb_dbi_open(txn.get(), name, MDB_CREATE, &database));
  return database;
}

void CheckFormat(MDB_txn* txn, Database meta, std::string_view format) {
  const auto known = Get(txn, meta, kFormatKey);
  if (!known || *known == format) return;
  throw FormatUnknown("has format " + std::string(*known) + ", and this program knows format " +
                      std::string(format) + ": use the version that wrote it.");
}

Database OpenDurably(Env& env, const std::string& folder, const char* name, std::string_view format) {
  env.Sync();
  env.ClearStaleReaders();
  WriteTxn txn(env);
  const Database meta = OpenDatabase(txn, kMeta);
  const Database database = OpenDatabase(txn, name);
  CheckFormat(txn.get(), meta, format);
  char* const place = Reserve(txn, meta, kFormatKey, format.size());  // nullptr: it stands there
  if (place != nullptr) format.copy(place, format.size());
  txn.Commit();
  io::SyncFolder(folder);
  io::SyncFolderOf(folder);
  return database;
}

Database FindDatabase(const Env& env, const char* name) {
  MDB_txn* txn = nullptr;
  Check("mdb_txn_begin", mdb_txn_begin(env.get(), nullptr, MDB_RDONLY, &txn));
  Database database = 0;
  const int code = mdb_dbi_open(txn, name, 0, &database);
  if (code != MDB_SUCCESS) mdb_txn_abort(txn);
  Check("mdb_dbi_open", code);
  Check("mdb_txn_commit", mdb_txn_commit(txn));  // or the handle would end with it
  return database;
}

std::optional<std::string_view> Get(MDB_txn* txn, Database database, std::string_view key) {
  MDB_val wanted = ToValue(key);
  MDB_val found{};
  const int code = mdb_get(txn, database, &wanted, &found);
  if (code == MDB_NOTFOUND) return std::nullopt;
  Check("mdb_get", code);
  return ToView(found);
}

// Layout of pages: pages.h.
std::optional<std::string_view> GetWithinPages(MDB_txn* txn, Database database, std::string_view key) {
  constexpr std::size_t kHeader = 16;
  const auto value = Get(txn, database, key);
  if (!value) return value;
  MDB_stat stat;
  MDB_envinfo info;
  Check("mdb_env_stat", mdb_env_stat(mdb_txn_env(txn), &stat));
  Check("mdb_env_info", mdb_env_info(mdb_txn_env(txn), &info));
  const std::size_t page_size = stat.ms_psize;
  // The map begins with a page of the machine; where the file's are larger, nobody knows where they do.
  if (page_size > static_cast<std::size_t>(::getpagesize())) return value;
  const std::size_t at = reinterpret_cast<std::uintptr_t>(value->data()) % page_size;
  if (at != kHeader) {
    if (value->size() > page_size - at) throw Error("mdb_get", MDB_CORRUPTED);
    return value;
  }
  std::uint64_t number = 0;  // of the page
  std::uint32_t pages = 0;   // that are the value's
  std::memcpy(&number, value->data() - kHeader, sizeof number);
  std::memcpy(&pages, value->data() - sizeof pages, sizeof pages);
  const std::uint64_t last = info.me_last_pgno;
  const std::uint64_t most = number > last ? 0 : std::min<std::uint64_t>(pages, last - number + 1);
  return value->substr(0, most == 0 ? 0 : most * page_size - kHeader);
}

char* Reserve(const WriteTxn& txn, Database database, std::string_view key, std::size_t size) {
  MDB_val wanted = ToValue(key);
  MDB_val place{size, nullptr};
  const int code = mdb_put(txn.get(), database, &wanted, &place, MDB_RESERVE | MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST) return nullptr;
  Check("mdb_put", code);
  return static_cast<char*>(place.mv_data);
}

bool Delete(const WriteTxn& txn, Database database, std::string_view key) {
  MDB_val wanted = ToValue(key);
  const int code = mdb_del(txn.get(), database, &wanted, nullptr);
  if (code == MDB_NOTFOUND) return false;
  Check("mdb_del", code);
  return true;
}

Cursor::Cursor(MDB_txn* txn, Database database) {
  Check("mdb_cursor_open", mdb_cursor_open(txn, database, &cursor_));
}

std::optional<Cursor::Entry> Cursor::Next() {
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
  if (code == MDB_NOTFOUND) return std::nullopt;
  Check("mdb_cursor_get", code);
  return Entry{ToView(key), ToView(value)};
}

std::size_t FreePages(MDB_txn* txn) {
  constexpr Database kFreeList = 0;  // LMDB keeps it there: transaction → count and page numbers
  Cursor cursor(txn, kFreeList);
  std::size_t pages = 0;
  while (const auto entry = cursor.Next()) {
    std::size_t count = 0;
    std::memcpy(&count, entry->value.data(), sizeof count);
    pages += count;
  }
  return pages;
}

}  // namespace hashpost::lmdb
