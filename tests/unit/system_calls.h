// SystemCalls: which files fsync(2), fdatasync(2) and posix_fadvise(2) were called for, by anybody in this
// process. The test program defines these functions itself, in front of the C library's. For one test at a
// time.

#pragma once

#include <string>
#include <vector>

namespace hashpost {

class SystemCalls {
 public:
  SystemCalls();  // starts to record
  ~SystemCalls();
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;

  // "sync /the/path" or "drop /the/path", in order.
  [[nodiscard]] std::vector<std::string> All() const;
  [[nodiscard]] bool Has(const std::string& call) const;

  // From now on flock(2) fails, to the end of this object.
  void FailLocks();

  // From now on no file without a name can be made (open(2), O_TMPFILE), as on some file systems.
  void FailUnnamedFiles();
};

}  // namespace hashpost
