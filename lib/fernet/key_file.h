// Key files: Keys from a file, and one that is created once if it is missing. Stateless: many threads
// and processes may call at once.

#pragma once

#include <string>

#include "lib/fernet/key.h"

namespace hashpost::fernet {

struct KeyFile {
  Keys keys;
  bool created = false;          // by this very call
  bool readable_by_all = false;  // its mode lets every user of the machine read it: worth a warning
};

// Reads the keys in the file at `path`: a regular file or a symlink to one, up to 4 KiB, as Keys::Parse
// takes it. Throws KeyError; the sentence names the path.
[[nodiscard]] KeyFile LoadKeyFile(const std::string& path);

// The same; but if nothing is at `path`, creates the file with one new key, mode 0600, durably: it appears
// whole or not at all, and whoever else does so at the same moment, here or in another process, gets the same
// key. Its folder must exist. An empty or malformed file is an error, never replaced. A process killed
// half-way may leave `path`.new-XXXXXX behind, mode 0600, with a key that nobody uses. Throws KeyError,
// kNotCreated if the file cannot be written.
[[nodiscard]] KeyFile LoadOrCreateKeyFile(const std::string& path);

}  // namespace hashpost::fernet
