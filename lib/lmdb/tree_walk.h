// TreeWalk: visits the entries of a tree in the order of their keys, as PageFile reads them, and says which
// pages are damaged: so that a lookup could not find what is below them. A page that cannot be used is left
// out, and the others are visited all the same. A branch page that damaged ones lead to again is left out
// there, so a walk ends after as many pages as the file has slots. Not thread-safe.

#pragma once

#include <optional>
#include <string_view>
#include <unordered_set>

#include "lib/lmdb/pages.h"

namespace hashpost::lmdb {

class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  // Views in `entry` are valid during the call. False ends the walk.
  virtual bool OnEntry(const Node& entry, PageNumber page) = 0;
  virtual void OnDamage(const PageDamaged& damage) = 0;
};

class TreeWalk {
 public:
  TreeWalk(const PageFile& file, const MetaPage& meta, TreeVisitor& visitor)
      : file_(file), meta_(meta), visitor_(visitor) {}

  // Visits what is behind the key `after`; "": everything. False: the visitor has ended it.
  bool Walk(const Tree& tree, std::string_view after);

 private:
  // Keys of a page are at least `low` and below `high`, or a lookup goes to another page.
  struct KeyRange {
    std::string_view low;
    std::optional<std::string_view> high;
  };
  [[nodiscard]] bool IsBefore(std::string_view left, std::string_view right) const;
  [[nodiscard]] bool IsWithin(std::string_view key, const KeyRange& bounds) const;
  bool VisitPage(PageNumber number, unsigned levels, const KeyRange& bounds);
  bool VisitBranch(PageNumber number, unsigned levels, const KeyRange& bounds);
  bool VisitLeaf(PageNumber number, const KeyRange& bounds);

  const PageFile& file_;
  const MetaPage& meta_;
  TreeVisitor& visitor_;
  std::string_view after_;
  bool has_numbers_ = false;                 // as that of the tree
  std::unordered_set<PageNumber> branches_;  // that were visited
};

}  // namespace hashpost::lmdb
