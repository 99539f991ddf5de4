#include "fcgi-worker/drop/output_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace hashpost::drop {
namespace {

[[noreturn]] void Throw(int error, const std::string& what) {
  throw std::system_error(error, std::system_category(), what);
}

struct stat Status(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) Throw(errno, "it cannot be looked at");
  return status;
}

// `path` at `above`, if it is there: a folder of this user's, in which nobody else can write, so nobody can
// exchange what lies in it.
io::UniqueFd OpenOwn(int above, const std::string& path) {
  io::UniqueFd fd(::openat(above, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return fd;
    Throw(errno, "the folder " + path + " for uploads that are not whole yet cannot be opened");
  }
  const struct stat status = Status(fd.get());
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    Throw(EPERM, "others can write in the folder " + path +
                     " for uploads that are not whole yet: remove it, and it is made anew");
  }
  return fd;
}

io::UniqueFd MakeOwn(int above, const std::string& path) {
  io::UniqueFd fd = OpenOwn(above, path);
  if (fd) return fd;
  if (::mkdirat(above, path.c_str(), 0700) != 0 && errno != EEXIST)
    Throw(errno, "the folder " + path + " for uploads that are not whole yet cannot be made");
  fd = OpenOwn(above, path);
  if (!fd) Throw(ENOENT, "the folder " + path + " for uploads that are not whole yet went away");
  return fd;
}

// Whether a file can be moved from one folder to the other, which two folders of one file system may still
// not allow (bind mounts, project quotas). Asked without one: the kernel looks at the mounts before it looks
// for the file.
bool IsOneMount(const io::UniqueFd& from, const io::UniqueFd& to) {
  constexpr const char* kNothing = ".no-such-file";
  return ::renameat(from.get(), kNothing, to.get(), kNothing) == 0 || errno != EXDEV;
}

// Whether this process may give its files the group.
bool MayGive(gid_t group) {
  if (group == ::getegid() || ::geteuid() == 0) return true;
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  if (::getgroups(count, groups.data()) != count) return false;
  return std::ranges::find(groups, group) != groups.end();
}

// Gives `file` the ACL that it would have got if it had been made in `folder`. False: the folder has no
// default ACL.
bool InheritAcl(int folder, int file) {
  const ssize_t size = ::fgetxattr(folder, "system.posix_acl_default", nullptr, 0);
  if (size <= 0) return false;  // none, or the file system has no ACLs
  std::string acl(static_cast<std::size_t>(size), '\0');
  if (::fgetxattr(folder, "system.posix_acl_default", acl.data(), acl.size()) != size ||
      ::fsetxattr(file, "system.posix_acl_access", acl.data(), acl.size(), 0) != 0) {
    Throw(errno, "its default ACL cannot be given to a file");
  }
  return true;
}

}  // namespace

io::UniqueFd OutputFolder::Open() const {
  io::UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) Throw(errno, "it cannot be opened");
  // Said before a file is received in vain.
  if (::faccessat(folder.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) Throw(errno, "it cannot be written to");
  return folder;
}

std::optional<gid_t> OutputFolder::GroupIn(const io::UniqueFd& folder) const {
  if (rights_.group) return rights_.group;
  const struct stat status = Status(folder.get());
  if ((status.st_mode & S_ISGID) != 0) return status.st_gid;
  return std::nullopt;
}

io::UniqueFd OutputFolder::OpenIncoming() {
  const io::UniqueFd folder = Open();
  const std::optional<gid_t> group = GroupIn(folder);
  if (rights_.group && !MayGive(*rights_.group))
    Throw(EPERM, "its files cannot be given the group " + std::to_string(*group) +
                     ", to which this user does not belong");
  // A group that is not this process's can only be inherited.
  if (!only_inside_ && (!group || MayGive(*group))) {
    io::UniqueFd incoming = MakeOwn(AT_FDCWD, incoming_);
    if (IsOneMount(incoming, folder)) return incoming;
  }
  return MakeOwn(folder.get(), kInside);
}

void OutputFolder::Check() {
  const io::UniqueFd incoming = OpenIncoming();
  const io::UnnamedFile file(incoming.get());
}

std::vector<io::UniqueFd> OutputFolder::IncomingFolders() const {
  std::vector<io::UniqueFd> folders;
  for (const std::string& path : {incoming_, folder_ + "/" + kInside}) {
    try {
      if (io::UniqueFd fd = OpenOwn(AT_FDCWD, path)) folders.push_back(std::move(fd));
    } catch (const std::system_error&) {  // then nothing of ours can be in it
    }
  }
  return folders;
}

io::UniqueFd OutputFolder::Finish(io::UnnamedFile& file) const {
  io::UniqueFd folder = Open();
  const std::optional<gid_t> group = GroupIn(folder);
  if (group && *group != Status(file.fd()).st_gid && ::fchown(file.fd(), static_cast<uid_t>(-1), *group) != 0)
    Throw(errno, "a file cannot be given the group " + std::to_string(*group));
  mode_t mode = rights_.mode;
  if (InheritAcl(folder.get(), file.fd())) mode &= Status(file.fd()).st_mode;
  if (::fchmod(file.fd(), mode) != 0) Throw(errno, "a file cannot be given its mode");
  file.Sync();
  return folder;
}

void OutputFolder::Put(io::UnnamedFile& file, const io::UniqueFd& folder, const std::string& name) {
  try {
    file.Publish(folder.get(), name + std::string(kExtension), name + std::string(kAsideExtension));
  } catch (const std::system_error& error) {
    if (error.code().value() == EXDEV) only_inside_ = true;
    throw;
  }
  struct stat found {};
  const struct stat filled = Status(folder.get());
  if (::stat(folder_.c_str(), &found) != 0 || found.st_dev != filled.st_dev || found.st_ino != filled.st_ino)
    Throw(ESTALE, "another folder took its place while a file was put into it");
}

}  // namespace hashpost::drop
