#include "store/recover.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/io/folder.h"
#include "lib/lmdb/file_guard.h"
#include "store/lmdb_files.h"
#include "store/message_store.h"

namespace hashpost::store {
namespace {

struct Candidate {
  lmdb::MetaPage meta;
  Damage damage;  // of its tree
};

// The better one first.
std::vector<Candidate> FindCandidates(const std::string& folder, bool& one_is_damaged) {
  std::vector<Candidate> candidates;
  std::optional<std::uint64_t> transaction;
  for (const int which : {0, 1}) {
    StoreCheck check(folder);
    try {
      const lmdb::MetaPage meta = check.ReadMeta(which);
      check.CheckTree(meta, [] { return true; });
      candidates.push_back({meta, check.damage()});
      const auto other = transaction.value_or(meta.transaction);
      one_is_damaged =
          one_is_damaged || std::max(other, meta.transaction) - std::min(other, meta.transaction) > 1;
      transaction = meta.transaction;
    } catch (const lmdb::PageDamaged&) {
      one_is_damaged = true;
    }
  }
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    if (a.damage.InTree() != b.damage.InTree()) return !a.damage.InTree();
    if (a.damage.pages + a.damage.lost != b.damage.pages + b.damage.lost)
      return a.damage.pages + a.damage.lost < b.damage.pages + b.damage.lost;
    return a.meta.transaction > b.meta.transaction;
  });
  return candidates;
}

// In one walk: a key that is damaged cannot tell where another walk would have to go on.
void Copy(StoreCheck& check, const lmdb::MetaPage& meta, LmdbFiles& into) {
  constexpr std::size_t kBytesPerCommit = std::size_t{16} << 20U;
  std::optional<lmdb::WriteTxn> txn(std::in_place, into.env());
  std::size_t bytes = 0;
  check.CheckMessages(meta, {}, SIZE_MAX, [&](std::string_view digest, std::string_view record) {
    char* place = lmdb::Reserve(*txn, into.messages(), digest, record.size());
    if (place != nullptr) record.copy(place, record.size());
    bytes += digest.size() + record.size();
    if (bytes < kBytesPerCommit) return;
    txn->Commit();
    txn.emplace(into.env());
    bytes = 0;
  });
  txn->Commit();
}

void PrepareFolder(const std::string& into) {
  constexpr mode_t kMode = 0700;
  io::MakeFolder(into, kMode);
  if (!std::filesystem::is_empty(into)) throw StoreError(into + " holds other things: name a new folder.");
}

}  // namespace

Recovery RecoverStore(const std::string& from, const std::string& into, std::uint64_t max_bytes) {
  try {
    if (lmdb::FileGuard::IsInUse(from))
      throw StoreError("A worker has the store in " + from + " open: stop it first.");
    Recovery recovery;
    const std::vector<Candidate> candidates = FindCandidates(from, recovery.may_be_older);
    if (candidates.empty()) {
      throw StoreError("Neither meta page of " + from + "/data.mdb can be used: restore a backup.");
    }
    const Candidate& chosen = candidates.front();
    recovery.transaction = chosen.meta.transaction;
    for (const Candidate& other : candidates) {
      recovery.may_be_older = recovery.may_be_older || other.meta.transaction > chosen.meta.transaction;
    }
    PrepareFolder(into);
    LmdbFiles files(into, max_bytes);
    StoreCheck check(from);
    Copy(check, chosen.meta, files);
    recovery.messages = check.messages();
    recovery.damage = chosen.damage;
    recovery.damage.records = check.damage().records;
    if (recovery.damage.first.empty()) recovery.damage.first = check.damage().first;
    return recovery;
  } catch (const lmdb::Error& error) {
    throw StoreError("The recovered store in " + into + " cannot be written (" + error.what() + ").");
  } catch (const std::system_error& error) {
    throw StoreError(std::string(error.what()) + ".");
  }
}

}  // namespace hashpost::store
