// Walks arbitrary bytes as the pages of a store's file, as the scrub and the recovery do with one that may be
// damaged. A walk must end after a number of steps that the size of the file bounds; where it finds no
// damage, keys come in order, and a walk that is broken off and resumed at each entry finds the same. Pages
// of 512 bytes give an input of some. Corpus: corpus/pages_fuzz.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lib/lmdb/pages.h"
#include "lib/lmdb/tree_walk.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;
using lmdb::PageDamaged;

// Each branch page leads to others once, so no more pages are visited than there are slots.
std::size_t MostSteps(std::size_t file_size) {
  const std::size_t slots = file_size / 2 + 2;
  return slots * 256 + 2 * slots;
}

class Visitor : public lmdb::TreeVisitor {
 public:
  Visitor(const lmdb::PageFile& file, const lmdb::MetaPage& meta, std::size_t most_steps,
          std::size_t most_entries)
      : file_(file), meta_(meta), most_steps_(most_steps), most_entries_(most_entries) {}

  bool OnEntry(const lmdb::Node& entry, lmdb::PageNumber page) override {
    Require(++steps_ <= most_steps_);
    keys.emplace_back(entry.key);
    bytes_ += entry.value.size();
    if (entry.overflow != lmdb::kNoPage) ReadElsewhere(entry);
    if (entry.is_tree) Describe(entry, page);
    return keys.size() < most_entries_;
  }
  void OnDamage(const PageDamaged& /*damage*/) override {
    Require(++steps_ <= most_steps_);
    damaged = true;
  }

  std::vector<std::string> keys;
  std::vector<lmdb::Tree> trees;
  bool damaged = false;

 private:
  void ReadElsewhere(const lmdb::Node& entry) {
    std::string value;
    try {
      file_.ReadOverflow(meta_, entry.overflow, entry.value_size, value);
      Require(value.size() == entry.value_size);
    } catch (const PageDamaged&) {
      Require(value.capacity() < 64);  // nothing was taken for a size that cannot be right
      damaged = true;
    }
  }
  void Describe(const lmdb::Node& entry, lmdb::PageNumber page) {
    try {
      trees.push_back(lmdb::PageFile::ParseTree(entry.value, page));
    } catch (const PageDamaged&) {
      damaged = true;
    }
  }

  const lmdb::PageFile& file_;
  const lmdb::MetaPage& meta_;
  const std::size_t most_steps_;
  const std::size_t most_entries_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
};

void WalkInSteps(const lmdb::PageFile& file, const lmdb::MetaPage& meta, const lmdb::Tree& tree,
                 std::size_t most_steps, const std::vector<std::string>& keys) {
  std::string after;
  for (const std::string& key : keys) {
    if (key.empty()) return;  // which stands for the beginning
    Visitor visitor(file, meta, most_steps, 1);
    Require(!lmdb::TreeWalk(file, meta, visitor).Walk(tree, after));
    Require(visitor.keys.front() == key);
    after = key;
  }
  Visitor visitor(file, meta, most_steps, 1);
  Require(after.empty() || lmdb::TreeWalk(file, meta, visitor).Walk(tree, after));
}

std::vector<lmdb::Tree> WalkTree(const lmdb::PageFile& file, const lmdb::MetaPage& meta,
                                 const lmdb::Tree& tree, std::size_t most_steps) {
  Visitor visitor(file, meta, most_steps, SIZE_MAX);
  Require(lmdb::TreeWalk(file, meta, visitor).Walk(tree, {}));
  if (!visitor.damaged) {
    for (std::size_t i = 1; i < visitor.keys.size(); ++i) Require(visitor.keys[i - 1] < visitor.keys[i]);
    WalkInSteps(file, meta, tree, most_steps, visitor.keys);
  }
  return visitor.trees;
}

int MakeFile() {
  const int file = ::memfd_create("pages", MFD_CLOEXEC);
  Require(file >= 0);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int bytes = MakeFile();
  Require(::ftruncate(bytes, 0) == 0);
  Require(::pwrite(bytes, data, size, 0) == static_cast<ssize_t>(size));
  const lmdb::PageFile file("/proc/self/fd/" + std::to_string(bytes));
  for (const int which : {0, 1}) {
    try {
      const lmdb::MetaPage meta = file.ReadMeta(which);
      WalkTree(file, meta, meta.free_list, MostSteps(size));
      for (const lmdb::Tree& tree : WalkTree(file, meta, meta.main, MostSteps(size)))
        WalkTree(file, meta, tree, MostSteps(size));
    } catch (const PageDamaged&) {
      continue;  // the meta page
    }
  }
  return 0;
}
