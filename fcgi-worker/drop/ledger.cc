#include "fcgi-worker/drop/ledger.h"

#include <cerrno>
#include <optional>
#include <system_error>

#include "lib/io/big_endian.h"
#include "lib/lmdb/damage.h"
#include "store/message_store.h"

namespace hashpost::drop {
namespace {

// Address space only. A name takes some 150 bytes: room for tens of millions.
constexpr std::size_t kMapBytes = std::size_t{16} << 30U;
constexpr unsigned kMaxReaders = 512;
constexpr std::string_view kFormat = "1";

constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kTagsAt = kTimeBytes + crypto::Sha256Digest::kSize;

// The record of a name: the newest time, big-endian; the digest of its content; the tags of all tokens of
// that time.
struct NameRecord {
  std::uint64_t time = 0;
  std::string_view content;
  std::string_view tags;

  [[nodiscard]] bool HasTag(std::string_view tag) const {
    for (std::string_view rest = tags; !rest.empty(); rest.remove_prefix(Ledger::kTagBytes)) {
      if (rest.starts_with(tag)) return true;
    }
    return false;
  }
};

NameRecord Parse(std::string_view bytes) {
  if (bytes.size() <= kTagsAt || (bytes.size() - kTagsAt) % Ledger::kTagBytes != 0) {
    throw store::StoreError(
        "A record of the drop's ledger is damaged: see docs/security.md about starting it afresh.");
  }
  NameRecord record;
  record.time = io::FromBigEndian(bytes);
  record.content = bytes.substr(kTimeBytes, kTagsAt - kTimeBytes);
  record.tags = bytes.substr(kTagsAt);
  return record;
}

std::string Make(const ReceivedToken& newest, std::string_view earlier_tags) {
  std::string bytes;
  bytes.reserve(kTagsAt + earlier_tags.size() + newest.tag.size());
  const auto time = io::ToBigEndian(newest.time);
  bytes.append(time.data(), time.size());
  return bytes.append(newest.content.Bytes()).append(earlier_tags).append(newest.tag);
}

// What is to be written, if anything.
struct Decision {
  Verdict verdict;
  std::optional<std::string> record;
};

Decision Weigh(const std::optional<std::string_view>& known, const ReceivedToken& token) {
  if (!known) return {Verdict::kTaken, Make(token, {})};
  const NameRecord record = Parse(*known);
  if (token.time > record.time) return {Verdict::kTaken, Make(token, {})};
  if (token.content.Bytes() == record.content && (token.time < record.time || record.HasTag(token.tag))) {
    return {Verdict::kTaken, std::nullopt};
  }
  if (token.time < record.time || record.HasTag(token.tag)) return {Verdict::kReplayed, std::nullopt};
  if (record.tags.size() >= Ledger::kMaxTags * Ledger::kTagBytes) return {Verdict::kTooMany, std::nullopt};
  return {Verdict::kTaken, Make(token, record.tags)};
}

[[noreturn]] void Rethrow(const lmdb::Error& error) {
  const std::string what = std::string("The drop's ledger fails (") + error.what() + ").";
  switch (error.code()) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
      throw store::StoreFull(what);
    case EIO:
    case MDB_PANIC:
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
      throw store::StoreBroken(what);
    default:
      throw store::StoreError(what);
  }
}

}  // namespace

Ledger::Ledger(const std::string& folder) try
    : env_(folder, {.map_bytes = kMapBytes, .max_readers = kMaxReaders, .max_databases = 2}), guard_(folder) {
  if (const auto damage = lmdb::FindDamage(env_, folder + "/data.mdb")) {
    throw store::StoreError("The drop's ledger in " + folder + " is damaged (" + *damage +
                            "): see docs/security.md about starting it afresh.");
  }
  names_ = lmdb::OpenDurably(env_, folder, "names", kFormat);
} catch (const lmdb::FormatUnknown& error) {
  throw store::StoreError("The drop's ledger in " + folder + " " + error.what());
} catch (const lmdb::FilesReplaced& error) {
  throw store::StoreError(std::string(error.what()) + ".");
} catch (const std::system_error& error) {
  throw store::StoreError(std::string(error.what()) + ".");
} catch (const lmdb::Error& error) {
  throw store::StoreError("The drop's ledger in " + folder + " cannot be opened (" + error.what() +
                          "): check the folder's owner and its disk.");
}

Verdict Ledger::Admit(std::string_view name, const ReceivedToken& token) {
  try {
    return Decide(name, token);
  } catch (const lmdb::FilesReplaced& error) {
    throw store::StoreBroken(std::string(error.what()) + ".");
  } catch (const lmdb::Error& error) {
    Rethrow(error);
  }
}

Verdict Ledger::Decide(std::string_view name, const ReceivedToken& token) {
  lmdb::WriteTxn txn(env_);
  const Decision decision = Weigh(lmdb::Get(txn.get(), names_, name), token);
  if (decision.record) {
    guard_.Check();
    lmdb::Delete(txn, names_, name);
    decision.record->copy(lmdb::Reserve(txn, names_, name, decision.record->size()), decision.record->size());
    txn.Commit();
  }
  return decision.verdict;
}

}  // namespace hashpost::drop
