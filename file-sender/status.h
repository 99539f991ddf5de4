// --status: how the files of INPUT_DIR fare, from the folder and the state; nothing is changed or made, and a
// sender may run meanwhile.

#pragma once

#include <cstddef>
#include <string>

#include "file-sender/config.h"

namespace hashpost::sender {

struct Status {
  std::size_t pending = 0;  // files in the folder that the receiver does not have as they are
  // Names whose record says so, in the folder or removed from it; one that has changed is pending, too.
  std::size_t delivered = 0;
  std::size_t quarantined = 0;  // files in the folder
  std::string text;  // for people: counts, the age of the oldest that is pending, and names with reasons
};

// Throws std::system_error if INPUT_DIR cannot be read, and what StateReader throws.
[[nodiscard]] Status ReadStatus(const Config& config);

}  // namespace hashpost::sender
