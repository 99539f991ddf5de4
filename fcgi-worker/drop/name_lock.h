// NameLock: only one thread of all workers at a time works on what a name stands for. By open file
// description locks (fcntl(2)) on the bytes of a file, which the kernel gives back when a process ends. Two
// names may share a byte: that costs a wait, no more; so nobody may hold two.

#pragma once

#include <string>
#include <string_view>

#include "lib/io/unique_fd.h"

namespace hashpost::drop {

class NameLock {
 public:
  // Waits for the lock of `name`, and holds it to the end of this object. `file` is made if it is missing;
  // its folder must exist. Throws store::StoreError.
  NameLock(const std::string& file, std::string_view name);

 private:
  io::UniqueFd fd_;  // its own open file description: so threads exclude one another, too
};

}  // namespace hashpost::drop
