#include "lib/lmdb/pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace hashpost::lmdb {
namespace {

// Of every page: its number (8 bytes), 2 unused, flags, then where free space begins and ends, or how many
// pages a value takes.
constexpr std::size_t kHeader = 16;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kLowerAt = 12;
constexpr std::size_t kUpperAt = 14;
constexpr std::uint16_t kBranchFlag = 1;
constexpr std::uint16_t kLeafFlag = 2;
constexpr std::uint16_t kOverflowFlag = 4;
constexpr std::uint16_t kMetaFlag = 8;

// Of a meta page, behind its header.
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kVersionAt = 20;
constexpr std::size_t kFreeListAt = 40;
constexpr std::size_t kMainAt = 88;
constexpr std::size_t kLastPageAt = 136;
constexpr std::size_t kTransactionAt = 144;
constexpr std::size_t kMetaBytes = 152;
constexpr std::size_t kLargestPage = 32768;
constexpr std::size_t kSmallestPage = 512;

// Of a description of a tree.
constexpr std::size_t kTreeBytes = 48;
constexpr std::size_t kDepthAt = 6;
constexpr std::size_t kEntriesAt = 32;
constexpr std::size_t kRootAt = 40;
constexpr std::uint16_t kDeepest = 32;  // LMDB's own bound (CURSOR_STACK)

// Of an entry: size of the value or number of the child (two halves), flags or the number's rest, size of the
// key.
constexpr std::size_t kNodeHeader = 8;
constexpr std::uint16_t kValueElsewhere = 1;
constexpr std::uint16_t kValueIsTree = 2;

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// LMDB keeps the halves in the machine's order.
std::uint32_t LoadHalves(const char* at) {
  return Load<std::uint32_t>(at);
}

Tree LoadTree(const char* at) {
  return {.depth = Load<std::uint16_t>(at + kDepthAt),
          .entries = Load<std::uint64_t>(at + kEntriesAt),
          .root = Load<PageNumber>(at + kRootAt)};
}

bool IsPlausible(const Tree& tree) {
  return tree.depth <= kDeepest && (tree.depth == 0) == (tree.root == kNoPage) &&
         (tree.depth == 0) == (tree.entries == 0);
}

bool IsWithin(const Tree& tree, PageNumber last_page) {
  return tree.root == kNoPage || (tree.root > 1 && tree.root <= last_page);
}

Node ParseNode(std::string_view page, std::size_t at, PageFile::PageKind kind, PageNumber number) {
  if (at + kNodeHeader > page.size()) throw PageDamaged(number, "has an entry outside of it");
  const char* node = page.data() + at;
  const auto flags = Load<std::uint16_t>(node + 4);
  const std::size_t key_size = Load<std::uint16_t>(node + 6);
  const std::size_t rest = page.size() - at - kNodeHeader;
  if (key_size > rest) throw PageDamaged(number, "has a key that does not fit in it");
  Node result;
  result.key = page.substr(at + kNodeHeader, key_size);
  const std::uint64_t low = LoadHalves(node);
  if (kind == PageFile::PageKind::kBranch) {
    result.child = low | std::uint64_t{flags} << 32U;
    return result;
  }
  result.value_size = low;
  const std::string_view behind = page.substr(at + kNodeHeader + key_size);
  if ((flags & ~(kValueElsewhere | kValueIsTree)) != 0)
    throw PageDamaged(number, "has an entry of unknown kind");
  result.is_tree = (flags & kValueIsTree) != 0;
  if ((flags & kValueElsewhere) != 0) {
    if (behind.size() < sizeof(PageNumber)) throw PageDamaged(number, "has a value that does not fit in it");
    result.overflow = Load<PageNumber>(behind.data());
    return result;
  }
  if (behind.size() < result.value_size) throw PageDamaged(number, "has a value that does not fit in it");
  result.value = behind.substr(0, result.value_size);
  return result;
}

}  // namespace

PageFile::PageFile(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_) throw std::system_error(errno, std::system_category(), path + " cannot be opened");
}

void PageFile::Read(std::size_t page_size, PageNumber number, char* bytes, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const auto at = static_cast<off_t>(number * page_size + done);
    const ssize_t count = ::pread(file_.get(), bytes + done, size - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw PageDamaged(number, "cannot be read: " + std::system_category().message(errno));
    if (count == 0) throw PageDamaged(number, "is beyond the end of the file");
    done += static_cast<std::size_t>(count);
  }
}

MetaPage PageFile::ReadMeta(int which) const {
  // The second one is where the first one says that pages end; without that, where the file does.
  std::array<char, kMetaBytes> bytes{};
  const auto load = [&](std::size_t page_size) {
    Read(page_size, static_cast<PageNumber>(which), bytes.data(), bytes.size());
    return Load<std::uint32_t>(&bytes[kMagicAt]) == kMagic &&
           Load<std::uint32_t>(&bytes[kVersionAt]) == kVersion &&
           (Load<std::uint16_t>(&bytes[kFlagsAt]) & kMetaFlag) != 0 &&
           Load<PageNumber>(bytes.data()) == static_cast<PageNumber>(which) &&
           (which == 0 || Load<std::uint32_t>(&bytes[kFreeListAt]) == page_size);
  };
  bool found = false;
  for (std::size_t size = kSmallestPage; !found && size <= kLargestPage; size *= 2) found = load(size);
  const auto number = static_cast<PageNumber>(which);
  if (!found) throw PageDamaged(number, "is not a meta page of LMDB");
  Tree free_list = LoadTree(&bytes[kFreeListAt]);
  free_list.has_numbers = true;  // of the commits that freed the pages
  const MetaPage meta{.page_size = Load<std::uint32_t>(&bytes[kFreeListAt]),
                      .free_list = free_list,
                      .main = LoadTree(&bytes[kMainAt]),
                      .last_page = Load<PageNumber>(&bytes[kLastPageAt]),
                      .transaction = Load<std::uint64_t>(&bytes[kTransactionAt])};
  // A commit writes the page that its number names; a new file has two of commit 0.
  const bool is_of_its_page = meta.transaction == 0 || meta.transaction % 2 == number;
  if (!is_of_its_page || !std::has_single_bit(meta.page_size) || meta.page_size < kSmallestPage ||
      meta.page_size > kLargestPage || !IsPlausible(meta.free_list) || !IsPlausible(meta.main) ||
      !IsWithin(meta.free_list, meta.last_page) || !IsWithin(meta.main, meta.last_page)) {
    throw PageDamaged(number, "is a meta page with impossible content");
  }
  return meta;
}

PageFile::Nodes PageFile::ReadNodes(const MetaPage& meta, PageNumber number, PageKind kind,
                                    std::string& buffer) const {
  if (number < 2 || number > meta.last_page)
    throw PageDamaged(number, "is named by another page, and is not in the file");
  buffer.resize(meta.page_size);
  Read(meta.page_size, number, buffer.data(), buffer.size());
  if (Load<PageNumber>(buffer.data()) != number) throw PageDamaged(number, "has the number of another page");
  if (Load<std::uint16_t>(buffer.data() + kFlagsAt) != (kind == PageKind::kLeaf ? kLeafFlag : kBranchFlag))
    throw PageDamaged(number, "is not of the kind that it must be");
  const std::size_t lower = Load<std::uint16_t>(buffer.data() + kLowerAt);
  const std::size_t upper = Load<std::uint16_t>(buffer.data() + kUpperAt);
  if (lower < kHeader || lower % 2 != 0 || upper < lower || upper > buffer.size())
    throw PageDamaged(number, "has impossible bounds");
  if (lower == kHeader) throw PageDamaged(number, "has no entry");
  Nodes nodes;
  nodes.whole.reserve((lower - kHeader) / 2);
  for (std::size_t slot = kHeader; slot < lower; slot += 2) {
    const std::size_t at = Load<std::uint16_t>(buffer.data() + slot);
    try {
      if (at < upper) throw PageDamaged(number, "has an entry in its free space");
      nodes.whole.push_back(ParseNode(buffer, at, kind, number));
    } catch (const PageDamaged& damage) {
      nodes.damage = damage;
    }
  }
  return nodes;
}

void PageFile::ReadOverflow(const MetaPage& meta, PageNumber number, std::size_t size,
                            std::string& value) const {
  const std::size_t pages = (kHeader + size + meta.page_size - 1) / meta.page_size;
  if (number < 2 || number > meta.last_page || pages > meta.last_page - number + 1)
    throw PageDamaged(number, "is named as the page of a value, and is not in the file");
  // Before there is memory for it: a size that is damaged may be 4 GiB.
  std::array<char, kHeader> header{};
  Read(meta.page_size, number, header.data(), header.size());
  if (Load<PageNumber>(header.data()) != number || Load<std::uint16_t>(&header[kFlagsAt]) != kOverflowFlag ||
      Load<std::uint32_t>(&header[kLowerAt]) < pages) {
    throw PageDamaged(number, "is not the value that it must be");
  }
  Read(meta.page_size, number + pages - 1, header.data(), 1);
  value.resize(kHeader + size);
  Read(meta.page_size, number, value.data(), value.size());
  value.erase(0, kHeader);
}

Tree PageFile::ParseTree(std::string_view value, PageNumber page) {
  if (value.size() != kTreeBytes) throw PageDamaged(page, "describes a database with impossible content");
  const Tree tree = LoadTree(value.data());
  if (!IsPlausible(tree)) throw PageDamaged(page, "describes a database with impossible content");
  return tree;
}

}  // namespace hashpost::lmdb
