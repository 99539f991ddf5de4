// Folders that must survive a loss of power: mkdir(2) and fsync(2) of the folder above. Thread-safe: no
// state.

#pragma once

#include <sys/types.h>

#include <string>

namespace hashpost::io {

// Forces to the disk which names `folder` has. Throws std::system_error.
void SyncFolder(const std::string& folder);

// Forces to the disk that `path`, a file or a folder, is there. A folder above it that this process may not
// read is left to whoever made `path`. Throws std::system_error.
void SyncFolderOf(const std::string& path);

// Makes the folder `path` unless it is there; on return the disk knows it either way. Throws
// std::system_error.
void MakeFolder(const std::string& path, mode_t mode);

}  // namespace hashpost::io
