// StoreCheck: looks for damage in the pages of a store (docs/store-format.md): reads them by itself, without
// LMDB, compares the entries that the tree still leads to with the number that LMDB keeps, and hashes
// messages again. The caller sees to it that the pages stay: by a read transaction, or because nobody writes.
// Not thread-safe.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "lib/lmdb/pages.h"
#include "lib/lmdb/tree_walk.h"

namespace hashpost::store {

struct Damage {
  std::uint64_t pages = 0;  // that are damaged: what they led to cannot be found
  std::uint64_t lost = 0;   // messages that LMDB counts and the tree does not lead to, or the other way round
  std::uint64_t records = 0;  // that do not hash to their digest
  std::string first;          // what was found first
  [[nodiscard]] bool InTree() const { return pages > 0 || lost > 0; }
  [[nodiscard]] bool Any() const { return InTree() || records > 0; }
};

class StoreCheck {
 public:
  // Called for each message that is whole.
  using OnMessage = std::function<void(std::string_view digest, std::string_view record)>;

  // Opens data.mdb in `folder`. Throws std::system_error.
  explicit StoreCheck(const std::string& folder) : file_(folder + "/data.mdb") {}

  // The meta page that the commit `transaction` has written, if the other one is of the commit before or
  // after it, or damaged; nullopt if not, or if later commits have replaced it. Notes a damaged meta page.
  [[nodiscard]] std::optional<lmdb::MetaPage> FindMeta(std::uint64_t transaction);

  // The meta page `which` (0 or 1). Throws lmdb::PageDamaged.
  [[nodiscard]] lmdb::MetaPage ReadMeta(int which) const { return file_.ReadMeta(which); }

  // Walks all pages of the tree and compares the number of entries. Asks `goes_on` for each leaf's worth of
  // entries; returns false if that ended it.
  bool CheckTree(const lmdb::MetaPage& meta, const std::function<bool()>& goes_on);

  // Hashes the messages behind the digest `after` ("": all) until `max_bytes` have been read; returns the
  // last digest, or nullopt at the end. Where keys are damaged, going on after one may leave messages out:
  // only a single call finds all that can be found.
  std::optional<std::string> CheckMessages(const lmdb::MetaPage& meta, std::string_view after,
                                           std::size_t max_bytes, const OnMessage& on_message);

  void NotePage(const lmdb::PageDamaged& damage);
  [[nodiscard]] const Damage& damage() const { return damage_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }  // that were hashed

 private:
  class Visitor;
  [[nodiscard]] std::optional<lmdb::Tree> FindMessages(const lmdb::MetaPage& meta);
  [[nodiscard]] std::optional<lmdb::MetaPage> ReadMetaAgain(int which);
  void NoteFirst(const std::string& what);

  lmdb::PageFile file_;
  Damage damage_;
  std::unordered_set<lmdb::PageNumber> damaged_pages_;  // the first ones: each counts once
  std::uint64_t messages_ = 0;
};

// Checks everything in the snapshot of `meta` without a pause.
void CheckAll(StoreCheck& check, const lmdb::MetaPage& meta);

// "2 damaged pages, 7 messages that cannot be found, 1 damaged record; first: page 17 has …".
[[nodiscard]] std::string Describe(const Damage& damage);

}  // namespace hashpost::store
