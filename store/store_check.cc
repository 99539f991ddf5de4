#include "store/store_check.h"

#include <chrono>
#include <cstdint>
#include <thread>

#include "lib/crypto/sha256.h"
#include "store/message_store.h"
#include "store/record.h"

namespace hashpost::store {
namespace {

constexpr std::string_view kMessages = "messages";

std::string Hex(std::string_view key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char byte : key) {
    const auto value = static_cast<unsigned char>(byte);
    hex += {kDigits[value >> 4U], kDigits[value & 15U]};
  }
  return hex;
}

}  // namespace

// What both walks have in common: damaged pages are noted.
class StoreCheck::Visitor : public lmdb::TreeVisitor {
 public:
  Visitor(StoreCheck& check, std::function<bool(const lmdb::Node&, lmdb::PageNumber)> on_entry)
      : check_(check), on_entry_(std::move(on_entry)) {}
  bool OnEntry(const lmdb::Node& entry, lmdb::PageNumber page) override { return on_entry_(entry, page); }
  void OnDamage(const lmdb::PageDamaged& damage) override { check_.NotePage(damage); }

 private:
  StoreCheck& check_;
  const std::function<bool(const lmdb::Node&, lmdb::PageNumber)> on_entry_;
};

void StoreCheck::NoteFirst(const std::string& what) {
  if (damage_.first.empty()) damage_.first = what;
}

void StoreCheck::NotePage(const lmdb::PageDamaged& damage) {
  constexpr std::size_t kMostRemembered = 65536;
  if (damaged_pages_.size() >= kMostRemembered || !damaged_pages_.insert(damage.page()).second) return;
  ++damage_.pages;
  NoteFirst(damage.what());
}

std::optional<lmdb::MetaPage> StoreCheck::FindMeta(std::uint64_t transaction) {
  std::optional<lmdb::MetaPage> found;
  std::optional<lmdb::MetaPage> other;
  for (const int which : {0, 1}) {
    const auto meta = ReadMetaAgain(which);
    if (meta && !found && meta->transaction == transaction) {
      found = meta;
    } else {
      other = meta;
    }
  }
  // One that is not would hide that the newest one was damaged, and LMDB would go on from an older commit.
  const bool in_step =
      other && other->transaction + 1 >= transaction && other->transaction <= transaction + 1;
  return in_step || !damaged_pages_.empty() ? found : std::nullopt;
}

// A commit may write the page while it is read, and its thread may lose the processor in the middle of that:
// only what stays wrong is damage.
std::optional<lmdb::MetaPage> StoreCheck::ReadMetaAgain(int which) {
  constexpr int kTries = 500;
  constexpr std::chrono::milliseconds kPause{1};
  for (int tries = 1;; ++tries) {
    try {
      return file_.ReadMeta(which);
    } catch (const lmdb::PageDamaged& damage) {
      if (tries < kTries && !damaged_pages_.contains(damage.page())) {
        std::this_thread::sleep_for(kPause);
        continue;
      }
      NotePage(damage);
      return std::nullopt;
    }
  }
}

std::optional<lmdb::Tree> StoreCheck::FindMessages(const lmdb::MetaPage& meta) {
  std::optional<lmdb::Tree> tree;
  Visitor visitor(*this, [&](const lmdb::Node& entry, lmdb::PageNumber page) {
    if (entry.key == kMessages && entry.is_tree) tree = lmdb::PageFile::ParseTree(entry.value, page);
    return !tree;
  });
  lmdb::TreeWalk(file_, meta, visitor).Walk(meta.main, {});
  if (!tree) NotePage(lmdb::PageDamaged(meta.main.root, "does not lead to the messages"));
  return tree;
}

bool StoreCheck::CheckTree(const lmdb::MetaPage& meta, const std::function<bool()>& goes_on) {
  const auto tree = FindMessages(meta);
  if (!tree) return true;
  std::uint64_t entries = 0;
  lmdb::PageNumber last_page = lmdb::kNoPage;
  Visitor visitor(*this, [&](const lmdb::Node& entry, lmdb::PageNumber page) {
    ++entries;
    if (entry.key.size() != Digest::kSize || entry.is_tree || entry.value_size < kRecordHeader)
      NotePage(lmdb::PageDamaged(page, "has an entry that is not a message"));
    if (page == last_page) return true;
    last_page = page;
    return goes_on();
  });
  if (!lmdb::TreeWalk(file_, meta, visitor).Walk(*tree, {})) return false;
  if (entries != tree->entries) {
    damage_.lost += entries < tree->entries ? tree->entries - entries : entries - tree->entries;
    NoteFirst("the tree leads to " + std::to_string(entries) + " messages of " +
              std::to_string(tree->entries));
  }
  Visitor free_pages(*this, [](const lmdb::Node&, lmdb::PageNumber) { return true; });
  lmdb::TreeWalk(file_, meta, free_pages).Walk(meta.free_list, {});
  return true;
}

std::optional<std::string> StoreCheck::CheckMessages(const lmdb::MetaPage& meta, std::string_view after,
                                                     std::size_t max_bytes, const OnMessage& on_message) {
  const auto tree = FindMessages(meta);
  if (!tree) return std::nullopt;
  std::string last;
  std::string elsewhere;
  std::size_t bytes = 0;
  Visitor visitor(*this, [&](const lmdb::Node& entry, lmdb::PageNumber /*page*/) {
    last = entry.key;
    std::string_view value = entry.value;
    try {
      if (entry.overflow != lmdb::kNoPage) {
        file_.ReadOverflow(meta, entry.overflow, entry.value_size, elsewhere);
        value = elsewhere;
      }
      const auto record = ParseRecord(value);
      if (record && crypto::HashSha256(record->bytes).Bytes() == entry.key) {
        ++messages_;
        on_message(entry.key, value);
      } else {
        ++damage_.records;
        NoteFirst("the record of " + Hex(entry.key) + " does not hash to it");
      }
    } catch (const lmdb::PageDamaged& damage) {
      ++damage_.records;
      NoteFirst("the record of " + Hex(entry.key) + ": " + damage.what());
    }
    bytes += entry.key.size() + entry.value_size;
    return bytes < max_bytes;
  });
  if (lmdb::TreeWalk(file_, meta, visitor).Walk(*tree, after)) return std::nullopt;
  return last;
}

void CheckAll(StoreCheck& check, const lmdb::MetaPage& meta) {
  check.CheckTree(meta, [] { return true; });
  check.CheckMessages(meta, {}, SIZE_MAX, [](std::string_view, std::string_view) {});
}

std::string Describe(const Damage& damage) {
  return std::to_string(damage.pages) + " damaged pages, " + std::to_string(damage.lost) +
         " messages that cannot be found, " + std::to_string(damage.records) +
         " damaged records; first: " + damage.first;
}

}  // namespace hashpost::store
