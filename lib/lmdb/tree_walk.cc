#include "lib/lmdb/tree_walk.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace hashpost::lmdb {
namespace {

std::uint64_t NumberIn(std::string_view key) {
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), sizeof number);
  return number;
}

bool IsNumber(std::string_view key) {
  return key.size() == sizeof(std::uint64_t);
}

}  // namespace

bool TreeWalk::IsBefore(std::string_view left, std::string_view right) const {
  if (has_numbers_ && IsNumber(left) && IsNumber(right)) return NumberIn(left) < NumberIn(right);
  return left < right;
}

bool TreeWalk::IsWithin(std::string_view key, const KeyRange& bounds) const {
  return !IsBefore(key, bounds.low) && (!bounds.high || IsBefore(key, *bounds.high));
}

bool TreeWalk::Walk(const Tree& tree, std::string_view after) {
  after_ = after;
  has_numbers_ = tree.has_numbers;
  branches_.clear();
  if (tree.depth == 0) return true;
  return VisitPage(tree.root, tree.depth, {});
}

bool TreeWalk::VisitPage(PageNumber number, unsigned levels, const KeyRange& bounds) {
  try {
    return levels == 1 ? VisitLeaf(number, bounds) : VisitBranch(number, levels, bounds);
  } catch (const PageDamaged& damage) {
    visitor_.OnDamage(damage);
    return true;
  }
}

bool TreeWalk::VisitBranch(PageNumber number, unsigned levels, const KeyRange& bounds) {
  if (!branches_.insert(number).second) throw PageDamaged(number, "is named by several pages");
  std::string buffer;
  const PageFile::Nodes nodes = file_.ReadNodes(meta_, number, PageFile::PageKind::kBranch, buffer);
  if (nodes.damage) visitor_.OnDamage(*nodes.damage);
  KeyRange child = bounds;
  for (std::size_t i = 0; i < nodes.whole.size(); ++i) {
    // The first key of a branch page stands for everything that is smaller than the second one.
    if (i > 0) child.low = nodes.whole[i].key;
    child.high = i + 1 < nodes.whole.size() ? nodes.whole[i + 1].key : bounds.high;
    if (!IsWithin(child.low, bounds) || (child.high && !IsBefore(child.low, *child.high))) {
      visitor_.OnDamage(PageDamaged(number, "has keys in a wrong order"));
    }
    if (!after_.empty() && child.high && *child.high <= after_) continue;
    if (!VisitPage(nodes.whole[i].child, levels - 1, child)) return false;
  }
  return true;
}

bool TreeWalk::VisitLeaf(PageNumber number, const KeyRange& bounds) {
  std::string buffer;
  const PageFile::Nodes nodes = file_.ReadNodes(meta_, number, PageFile::PageKind::kLeaf, buffer);
  if (nodes.damage) visitor_.OnDamage(*nodes.damage);
  bool in_order = true;
  std::string_view previous;
  for (const Node& node : nodes.whole) {
    in_order = in_order && IsWithin(node.key, bounds) && IsBefore(previous, node.key) &&
               (!has_numbers_ || IsNumber(node.key));
    previous = node.key;
    if (!after_.empty() && node.key <= after_) continue;
    if (!visitor_.OnEntry(node, number)) return false;
  }
  if (!in_order) visitor_.OnDamage(PageDamaged(number, "has keys in a wrong order"));
  return true;
}

}  // namespace hashpost::lmdb
