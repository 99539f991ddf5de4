#include "file-sender/sealed_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace hashpost::sender {
namespace {

constexpr std::uint64_t kMostInMemory = std::uint64_t{512} << 10U;

[[noreturn]] void Throw(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

io::UniqueFd OpenUnnamed(const std::string& folder) {
  io::UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  // A file system without O_TMPFILE: it has a name for a moment.
  std::string name = folder + "/sealed.XXXXXX";
  fd = io::UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (fd) ::unlink(name.c_str());
  return fd;
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Throw("The sealed file cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

SealedFile::SealedFile(std::string folder)
    : folder_(std::move(folder)), fd_(::memfd_create("sealed", MFD_CLOEXEC)) {
  if (!fd_) Throw("No memory can be had for a sealed file");
}

void SealedFile::Write(std::string_view bytes) {
  if (is_in_memory_ && size_ + bytes.size() > kMostInMemory) MoveToDisk();
  WriteAll(fd_.get(), bytes);
  size_ += bytes.size();
}

void SealedFile::MoveToDisk() {
  io::UniqueFd file = OpenUnnamed(folder_);
  if (!file) Throw("No file can be made in " + folder_);
  std::string begin(size_, '\0');
  if (::pread(fd_.get(), begin.data(), begin.size(), 0) != static_cast<ssize_t>(begin.size())) {
    Throw("The sealed file cannot be read");
  }
  WriteAll(file.get(), begin);
  fd_ = std::move(file);
  is_in_memory_ = false;
}

}  // namespace hashpost::sender
