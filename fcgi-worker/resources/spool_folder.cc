#include "fcgi-worker/resources/spool_folder.h"

#include <sys/statvfs.h>

#include <cstdint>

namespace hashpost::resources {

bool SpoolHasRoom(const std::string& folder) {
  constexpr std::uint64_t kLeastBytes = 1U << 20U;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return true;
  const bool has_inodes = disk.f_files == 0 || disk.f_favail > 0;  // 0: this file system does not count them
  return has_inodes && static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= kLeastBytes;
}

}  // namespace hashpost::resources
