#include "file-sender/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

namespace hashpost::sender {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;

crypto::Sha256Digest Hash(io::RandomAccess& content) {
  crypto::Sha256 hash;
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  std::uint64_t offset = 0;
  while (const std::size_t size = content.ReadAt(offset, {piece.get(), kPieceBytes})) {
    hash.Update({piece.get(), size});
    offset += size;
  }
  return hash.Finish();
}

struct stat Status(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw std::system_error(errno, std::system_category(), "fstat");
  return status;
}

NoInput WhyNot(const std::string& path, int error) {
  using Why = NoInput::Why;
  struct stat status {};
  if (error == ENOENT) {
    if (::lstat(path.c_str(), &status) != 0) return {Why::kGone, {}, ""};
    return {Why::kNotAFile, {}, "It is a link that leads nowhere; remove it, or put there what it leads to."};
  }
  const std::string words = std::system_category().message(error);
  if (error == EACCES || error == EPERM) {
    return {Why::kNotAFile, StampAt(AT_FDCWD, path),
            "It cannot be read (" + words + "); let the sender's user read it."};
  }
  if (error == ELOOP || error == ENXIO) {  // a circle of links; a socket
    return {Why::kNotAFile, StampAt(AT_FDCWD, path), "It cannot be read: " + words + "."};
  }
  return {Why::kFailed, {}, "It cannot be read: " + words + "."};
}

}  // namespace

FileStamp StampAt(int folder, const std::string& name) {
  struct stat status {};
  return ::fstatat(folder, name.c_str(), &status, 0) == 0 ? FileStamp(status) : FileStamp();
}

std::uint64_t Now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * kNanosecondsPerSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::variant<InputFile, NoInput> InputFile::Open(const std::string& path, const std::stop_token& stop) {
  io::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return WhyNot(path, errno);
  const struct stat status = Status(fd.get());
  if (!S_ISREG(status.st_mode)) {
    return NoInput{NoInput::Why::kNotAFile, FileStamp(status),
                   S_ISDIR(status.st_mode) ? "It is a folder, and only files are sent; rename it."
                                           : "It is no regular file; remove it."};
  }
  return InputFile(std::move(fd), FileStamp(status), stop);
}

InputFile::InputFile(io::UniqueFd fd, const FileStamp& stamp, const std::stop_token& stop)
    : fd_(std::move(fd)),
      stamp_(stamp),
      read_at_(Now()),
      content_(fd_.get(), stop),
      digest_(Hash(content_)) {}

bool InputFile::IsUnchanged() const {
  if (FileStamp(Status(fd_.get())) != stamp_) return false;
  return stamp_.IsCertainAt(read_at_) || Hash(content_) == digest_;
}

}  // namespace hashpost::sender
