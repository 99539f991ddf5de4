#include "lib/io/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hashpost::io {
namespace {

constexpr std::uint64_t kMostInMemory = std::uint64_t{512} << 10U;

[[noreturn]] void Throw(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

void Spool::Write(std::string_view bytes) {
  if (!file_ && size_ + bytes.size() <= kMostInMemory) {
    WriteToMemory(bytes);
  } else {
    WriteToDisk(bytes);
  }
  size_ += bytes.size();
}

void Spool::WriteToMemory(std::string_view bytes) {
  if (!memory_) memory_ = UniqueFd(::memfd_create("spool", MFD_CLOEXEC));
  if (!memory_) Throw("No memory can be had");
  WriteAll(memory_.get(), bytes);
}

void Spool::WriteToDisk(std::string_view bytes) {
  try {
    if (!file_) MoveToDisk();
    file_->Write(bytes);
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "A file without a name cannot be written in " + folder_);
  }
}

void Spool::MoveToDisk() {
  folder_fd_ = UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd_) Throw("The folder " + folder_ + " cannot be opened");
  UnnamedFile& file = file_.emplace(folder_fd_.get());
  if (!memory_) return;
  std::string begin(size_, '\0');
  if (::pread(memory_.get(), begin.data(), begin.size(), 0) != static_cast<ssize_t>(begin.size())) {
    Throw("What was written cannot be read");
  }
  file.Write(begin);
  memory_ = UniqueFd();
}

}  // namespace hashpost::io
