#include "store/damage_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>

#include "lib/io/unique_fd.h"

namespace hashpost::store {
namespace {

constexpr std::string_view kInTree = "tree: ";
constexpr std::string_view kInRecords = "records: ";

bool WriteWhole(const std::string& file, const std::string& text) {
  const std::string made = file + ".new-" + std::to_string(::getpid());
  const io::UniqueFd fd(::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return false;
  const bool written = ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::fsync(fd.get()) == 0 && ::rename(made.c_str(), file.c_str()) == 0) return true;
  ::unlink(made.c_str());
  return false;
}

}  // namespace

DamageMark::DamageMark(const std::string& folder) : file_(folder + "/damage") {}

std::optional<DamageMark::Known> DamageMark::Read() const {
  if (::access(file_.c_str(), F_OK) != 0) {
    const std::scoped_lock lock(mutex_);
    return unwritten_;
  }
  std::ifstream in(file_);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.starts_with(kInRecords)) return Known{false, text.substr(kInRecords.size())};
  if (text.starts_with(kInTree)) text.erase(0, kInTree.size());
  return Known{true, text};  // what cannot be read is taken for the worse
}

void DamageMark::Write(const Known& known) {
  const bool written =
      WriteWhole(file_, std::string(known.in_tree ? kInTree : kInRecords) + known.sentence + "\n");
  const std::scoped_lock lock(mutex_);
  unwritten_.reset();
  if (!written) unwritten_.emplace(known);
}

void DamageMark::Remove() {
  ::unlink(file_.c_str());
  const std::scoped_lock lock(mutex_);
  unwritten_.reset();
}

}  // namespace hashpost::store
