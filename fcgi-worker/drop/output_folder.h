// OutputFolder: the folder in which consumers of the file drop find its files. What is not whole yet is kept
// out of their sight, in another folder of the same file system, and comes by one rename(2): inotify(7), ACLs
// as acl(5) has them. Thread-safe; many workers may share one folder. Every function throws
// std::system_error.

#pragma once

#include <sys/types.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "lib/io/unique_fd.h"
#include "lib/io/unnamed_file.h"

namespace hashpost::drop {

class OutputFolder {
 public:
  static constexpr mode_t kDefaultMode = 0640;
  static constexpr std::string_view kExtension = ".xml";
  // Behind a name for the moment before the file is put in its place.
  static constexpr std::string_view kAsideExtension = ".xml.new";
  // In the folder itself, where nothing else will do.
  static constexpr const char* kInside = ".hashpost-incoming";

  // Of files; where the folder has a default ACL they get that, less what `mode` does not allow.
  struct Rights {
    mode_t mode = kDefaultMode;  // whatever the umask; the owner can write
    std::optional<gid_t> group;  // unset: the folder's if that is setgid, else the one of this process
  };

  // `incoming` is made if it is missing; the folder above it must exist.
  OutputFolder(std::string folder, std::string incoming, const Rights& rights)
      : folder_(std::move(folder)), incoming_(std::move(incoming)), rights_(rights) {}

  [[nodiscard]] const std::string& path() const { return folder_; }

  // Opens the folder in which an upload is kept until it is whole: `incoming`; or a hidden one inside of the
  // output folder, if no file can be moved from one to the other, or not with the group that it must have.
  [[nodiscard]] io::UniqueFd OpenIncoming();

  // Throws what an upload would, such as that the file system cannot do what it must.
  void Check();

  // All folders that OpenIncoming may open, as far as they are there; open.
  [[nodiscard]] std::vector<io::UniqueFd> IncomingFolders() const;

  // Before a file is put in its place: gives it its rights and forces it to the disk. Returns the folder,
  // open.
  [[nodiscard]] io::UniqueFd Finish(io::UnnamedFile& file) const;

  // Puts `file`, which lies in a folder of OpenIncoming's, as `name` ".xml" into `folder` (of Finish),
  // durably. On return that is still the folder which consumers find under its path. Calls for one name must
  // not overlap.
  void Put(io::UnnamedFile& file, const io::UniqueFd& folder, const std::string& name);

 private:
  [[nodiscard]] io::UniqueFd Open() const;
  [[nodiscard]] std::optional<gid_t> GroupIn(const io::UniqueFd& folder) const;

  const std::string folder_;
  const std::string incoming_;
  const Rights rights_;
  std::atomic<bool> only_inside_ = false;  // a rename failed that should have worked
};

}  // namespace hashpost::drop
