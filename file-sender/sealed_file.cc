#include "file-sender/sealed_file.h"

#include <fcntl.h>
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
    : folder_(std::move(folder)), memory_(::memfd_create("sealed", MFD_CLOEXEC)) {
  if (!memory_) Throw("No memory can be had for a sealed file");
}

void SealedFile::Write(std::string_view bytes) {
  if (!file_ && size_ + bytes.size() <= kMostInMemory) {
    WriteAll(memory_.get(), bytes);
  } else {
    WriteToDisk(bytes);
  }
  size_ += bytes.size();
}

void SealedFile::WriteToDisk(std::string_view bytes) {
  try {
    if (!file_) MoveToDisk();
    file_->Write(bytes);
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "The sealed file cannot be written in " + folder_);
  }
}

void SealedFile::MoveToDisk() {
  folder_fd_ = io::UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd_) Throw("The folder " + folder_ + " cannot be opened");
  io::UnnamedFile& file = file_.emplace(folder_fd_.get());
  std::string begin(size_, '\0');
  if (::pread(memory_.get(), begin.data(), begin.size(), 0) != static_cast<ssize_t>(begin.size())) {
    Throw("The sealed file cannot be read");
  }
  file.Write(begin);
  memory_ = io::UniqueFd();
}

}  // namespace hashpost::sender
