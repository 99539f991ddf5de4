#include "lib/io/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "lib/io/unique_fd.h"

namespace hashpost::io {
namespace {

[[noreturn]] void Throw(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

void Sync(const std::string& folder, bool may_be_closed) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES && may_be_closed) return;
  if (!fd || ::fsync(fd.get()) != 0) Throw("The folder " + folder + " cannot be synced");
}

}  // namespace

void SyncFolder(const std::string& folder) {
  Sync(folder, false);
}

void SyncFolderOf(const std::string& path) {
  std::filesystem::path below(path);
  if (!below.has_filename()) below = below.parent_path();  // a slash at the end
  const std::string parent = below.parent_path();
  Sync(parent.empty() ? "." : parent, true);
}

void MakeFolder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) Throw("The folder " + path + " cannot be made");
  SyncFolderOf(path);
}

}  // namespace hashpost::io
