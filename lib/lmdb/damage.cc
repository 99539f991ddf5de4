#include "lib/lmdb/damage.h"

#include <cstdint>
#include <utility>

#include "lib/lmdb/pages.h"
#include "lib/lmdb/tree_walk.h"

namespace hashpost::lmdb {
namespace {

constexpr std::uint64_t kMostEntries = 1'000'000;

// Visits a tree, and the trees of named databases that its entries describe; throws PageDamaged.
class Search : public TreeVisitor {
 public:
  Search(const PageFile& file, const MetaPage& meta) : file_(file), meta_(meta) {}

  void Walk(const Tree& tree) {
    const std::uint64_t others = std::exchange(entries_, 0);
    const bool to_its_end = TreeWalk(file_, meta_, *this).Walk(tree, {});
    if (to_its_end && entries_ != tree.entries)
      throw PageDamaged(
          tree.root, "leads to " + std::to_string(entries_) + " entries of " + std::to_string(tree.entries));
    entries_ = others;
  }

  bool OnEntry(const Node& entry, PageNumber page) override {
    ++entries_;
    if (entry.is_tree) Walk(PageFile::ParseTree(entry.value, page));
    if (entry.overflow != kNoPage) file_.ReadOverflow(meta_, entry.overflow, entry.value_size, elsewhere_);
    return ++seen_ < kMostEntries;
  }

  void OnDamage(const PageDamaged& damage) override { throw damage; }

 private:
  const PageFile& file_;
  const MetaPage& meta_;
  std::uint64_t entries_ = 0;  // of the tree that is walked
  std::uint64_t seen_ = 0;
  std::string elsewhere_;
};

// Of that commit; nullopt if two later ones have replaced it, or its page is being written.
std::optional<MetaPage> FindMeta(const PageFile& file, std::uint64_t transaction) {
  for (const int which : {0, 1}) {
    try {
      if (const MetaPage meta = file.ReadMeta(which); meta.transaction == transaction) return meta;
    } catch (const PageDamaged&) {  // LMDB itself has judged both when it opened the file
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindDamage(const Env& env, const std::string& path) {
  constexpr int kTries = 10;
  const PageFile file(path);
  bool suspected = false;
  for (int tries = 0; tries < kTries; ++tries) {
    const ReadTxn pages_stay(env);
    const auto meta = FindMeta(file, pages_stay.Id());
    if (!meta) continue;
    try {
      Search search(file, *meta);
      search.Walk(meta->main);
      search.Walk(meta->free_list);
      return std::nullopt;
    } catch (const PageDamaged& damage) {
      // (A meta page may have been written while it was read: a second look has another one.)
      if (std::exchange(suspected, true)) return damage.what();
    }
  }
  return std::nullopt;
}

}  // namespace hashpost::lmdb
