// The folder in which the web server keeps request bodies while they come (HASHPOST_HOME/tmp).

#pragma once

#include <string>

namespace hashpost::resources {

// Whether its file system has room for more, as statvfs(3) tells; true for a folder that is not there (a web
// server that is not ours has its own). service/spool-has-room asks the same for Apache.
[[nodiscard]] bool SpoolHasRoom(const std::string& folder);

}  // namespace hashpost::resources
