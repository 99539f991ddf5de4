// FindDamage: reads an environment's pages without LMDB before anything trusts them (lib/lmdb/pages.h). LMDB
// takes them for granted: a page that is cut off is SIGBUS, one that was overwritten may end the process by
// an assertion, and neither says whose fault it is. For the small environments beside the message store, when
// they are opened.

#pragma once

#include <optional>
#include <string>

#include "lib/lmdb/lmdb.h"

namespace hashpost::lmdb {

// What is wrong first with the newest commit of `env`, whose data file is at `path`: "page 7 …"; nullopt if
// all is whole. Others may commit meanwhile. Looks at a million entries at most, so that a start stays quick.
// Throws Error and std::system_error.
[[nodiscard]] std::optional<std::string> FindDamage(const Env& env, const std::string& path);

}  // namespace hashpost::lmdb
