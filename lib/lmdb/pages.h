// The pages of LMDB's data file, read without LMDB: for files that may be damaged, which LMDB's own calls
// take for granted and may crash on. Every offset is checked against its page and the file, and read(2)
// reports a bad sector where the map would be SIGBUS. Layout: mdb.c of LMDB 0.9, in docs/store-format.md
// "Pages"; byte order and page size are the machine's. Thread-safe but for the buffers that a caller brings.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/unique_fd.h"

namespace hashpost::lmdb {

using PageNumber = std::uint64_t;
inline constexpr PageNumber kNoPage = ~PageNumber{0};

// A page is not what it must be; what() says which page and why.
class PageDamaged : public std::runtime_error {
 public:
  PageDamaged(PageNumber page, const std::string& why)
      : std::runtime_error("page " + std::to_string(page) + " " + why), page_(page) {}
  [[nodiscard]] PageNumber page() const { return page_; }

 private:
  PageNumber page_;
};

// Where a database is (MDB_db).
struct Tree {
  std::uint16_t depth = 0;    // levels; 0: empty
  std::uint64_t entries = 0;  // as LMDB counts them
  PageNumber root = kNoPage;
  bool has_numbers = false;  // its keys are numbers of 8 bytes in the machine's order, and sorted as such
};

// One of the two meta pages (MDB_meta).
struct MetaPage {
  std::size_t page_size = 0;
  Tree free_list;
  Tree main;
  PageNumber last_page = 0;
  std::uint64_t transaction = 0;  // that wrote it
};

// One entry of a page. Views are valid as long as the page's buffer.
struct Node {
  std::string_view key;
  PageNumber child = kNoPage;     // of a branch page
  std::string_view value;         // of a leaf page, if it is in the page
  PageNumber overflow = kNoPage;  // of a leaf page, where the value is otherwise
  std::size_t value_size = 0;
  bool is_tree = false;  // the value describes a named database
};

class PageFile {
 public:
  // Opens data.mdb at `path` for reading. Throws std::system_error.
  explicit PageFile(const std::string& path);

  // Meta page 0 or 1. Throws PageDamaged if it is no meta page, or cannot be right.
  [[nodiscard]] MetaPage ReadMeta(int which) const;

  enum class PageKind { kBranch, kLeaf };
  struct Nodes {
    std::vector<Node> whole;
    std::optional<PageDamaged> damage;  // of others
  };
  // Reads a page of a tree into `buffer` and parses its entries, whose views point there. Throws PageDamaged
  // if there is no such page.
  [[nodiscard]] Nodes ReadNodes(const MetaPage& meta, PageNumber number, PageKind kind,
                                std::string& buffer) const;

  // Reads a value of `size` bytes that has pages of its own. Throws PageDamaged.
  void ReadOverflow(const MetaPage& meta, PageNumber number, std::size_t size, std::string& value) const;

  // The named database, described by a value of the main tree. Throws PageDamaged.
  [[nodiscard]] static Tree ParseTree(std::string_view value, PageNumber page);

 private:
  // Fills `bytes` from the page's start. Throws PageDamaged.
  void Read(std::size_t page_size, PageNumber number, char* bytes, std::size_t size) const;

  io::UniqueFd file_;
};

}  // namespace hashpost::lmdb
