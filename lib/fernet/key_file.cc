// open(2), renameat2(2), fsync(2).

#include "lib/fernet/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "lib/crypto/random.h"
#include "lib/io/byte_stream.h"
#include "lib/io/folder.h"
#include "lib/io/unique_fd.h"

namespace hashpost::fernet {
namespace {

constexpr std::size_t kMaxFileBytes = 4096;

std::string Reason(int error) {
  return std::system_category().message(error);
}

[[noreturn]] void ThrowUnreadable(const std::string& path, const std::string& why) {
  throw KeyError(KeyFault::kUnreadable, "The key file " + path + " cannot be read: " + why + ".");
}

[[noreturn]] void ThrowNotCreated(const std::string& path, const std::string& why) {
  throw KeyError(KeyFault::kNotCreated,
                 "The key file " + path + " is not there and cannot be created: " + why + ".");
}

// What is read of a file, or written to it; wiped at the end.
struct SecretText {
  SecretText() = default;
  ~SecretText() { crypto::Wipe(bytes); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  std::array<char, kMaxFileBytes + 1> bytes;  // one more, to see that a file is too big
  std::size_t size = 0;
};

void ReadAll(int fd, const std::string& path, SecretText& text) {
  while (text.size < text.bytes.size()) {
    const ssize_t count = ::read(fd, text.bytes.data() + text.size, text.bytes.size() - text.size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) ThrowUnreadable(path, Reason(errno));
    if (count == 0) return;
    text.size += static_cast<std::size_t>(count);
  }
  throw KeyError(KeyFault::kMalformed,
                 "The key file " + path + " is larger than 4 KiB: that is no list of keys.");
}

Keys ParseFile(const std::string& path, const SecretText& text) {
  try {
    return Keys::Parse({text.bytes.data(), text.size});
  } catch (const KeyError& error) {
    throw KeyError(error.fault(), "The key file " + path + " cannot be used. " + error.what());
  }
}

// A new file beside `path` with a new key in it, on disk; removed at the end unless it was moved away.
class NewKeyFile {
 public:
  explicit NewKeyFile(const std::string& path) : path_(path), own_(path + ".new-XXXXXX") {
    const io::UniqueFd fd(::mkostemp(own_.data(), O_CLOEXEC));  // O_EXCL, mode 0600
    if (!fd) ThrowNotCreated(path_, Reason(errno));
    try {
      SecretText text;
      std::string key = Key::Generate().Text();
      text.size = key.copy(text.bytes.data(), key.size());
      text.bytes[text.size++] = '\n';
      crypto::Wipe(key);
      io::WriteAll(fd.get(), {text.bytes.data(), text.size});
      if (::fsync(fd.get()) != 0) ThrowNotCreated(path_, Reason(errno));
    } catch (const std::system_error& error) {
      ::unlink(own_.c_str());
      ThrowNotCreated(path_, Reason(error.code().value()));
    } catch (...) {
      ::unlink(own_.c_str());
      throw;
    }
  }
  ~NewKeyFile() {
    if (!moved_) ::unlink(own_.c_str());
  }
  NewKeyFile(const NewKeyFile&) = delete;
  NewKeyFile& operator=(const NewKeyFile&) = delete;

  // Gives it the name `path`, unless something has it: then false.
  bool Publish() {
    if (::renameat2(AT_FDCWD, own_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
      moved_ = true;
      return true;
    }
    // Some file systems (NFS) know no such rename, but a link never replaces anything either.
    if (errno == EINVAL && ::link(own_.c_str(), path_.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    ThrowNotCreated(path_, Reason(errno));
  }

 private:
  const std::string& path_;
  std::string own_;
  bool moved_ = false;
};

}  // namespace

KeyFile LoadKeyFile(const std::string& path) {
  // O_NONBLOCK, so that a FIFO is refused below and not waited for.
  const io::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    throw KeyError(KeyFault::kMissing, "The key file " + path + " is not there.");
  }
  if (!fd) ThrowUnreadable(path, Reason(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) ThrowUnreadable(path, Reason(errno));
  if (!S_ISREG(status.st_mode)) ThrowUnreadable(path, "it is no regular file");
  SecretText text;
  ReadAll(fd.get(), path, text);
  return {.keys = ParseFile(path, text), .readable_by_all = (status.st_mode & S_IROTH) != 0};
}

KeyFile LoadOrCreateKeyFile(const std::string& path) {
  try {
    return LoadKeyFile(path);
  } catch (const KeyError& error) {
    if (error.fault() != KeyFault::kMissing) throw;
  }
  const bool created = NewKeyFile(path).Publish();
  try {
    // Also by who came second: he must not use a key that a loss of power could still take away.
    io::SyncFolderOf(path);
  } catch (const std::system_error& error) {
    ThrowNotCreated(path, error.what());
  }
  KeyFile file = LoadKeyFile(path);
  file.created = created;
  return file;
}

}  // namespace hashpost::fernet
