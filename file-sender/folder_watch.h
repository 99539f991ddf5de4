// FolderWatch: finds what is to be delivered in INPUT_DIR: by inotify(7) as soon as a file was written and
// closed or moved in, and by looking at the whole folder, since events may be lost or (over a network, into a
// container) never come. One thread.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "file-sender/queue.h"
#include "file-sender/state.h"
#include "lib/io/unique_fd.h"

namespace hashpost::sender {

struct ScanResult {
  bool readable = true;         // false: the folder could not be read, which was logged
  std::size_t added = 0;        // to the queue
  std::size_t quarantined = 0;  // and still as they were, so not added
};

class FolderWatch {
 public:
  // `queue` and `state` live longer than this; `settings` as SettingsId gives it.
  FolderWatch(const std::string& folder, Queue& queue, const State& state, std::uint64_t settings);

  // From now on there are events of the folder. Call it before each scan: for the same folder it changes
  // nothing, and one that was replaced is watched from then on. If the machine has no inotify instance or
  // watch left, that is logged once, and only scans find files until a later call gets one.
  void Watch();

  // Readable when there are events to read; -1 without inotify.
  [[nodiscard]] int fd() const { return inotify_.get(); }

  // Adds what the events speak of. False if events were lost: then the folder is to be scanned.
  [[nodiscard]] bool ReadEvents();

  // Adds every file that is not settled. `quiet_for`: a file that was changed within that time may still be
  // being written; it is added for when the time is over. Throws what State throws.
  ScanResult Scan(std::chrono::milliseconds quiet_for);

 private:
  [[nodiscard]] bool AddWatch();
  void PassOver(const std::string& name);
  void Visit(int folder, const std::string& name, std::chrono::milliseconds quiet_for, ScanResult& result);

  const std::string folder_;
  Queue& queue_;
  const State& state_;
  const std::uint64_t settings_;
  io::UniqueFd inotify_;
  std::set<std::string> passed_over_;  // names that were logged
  bool was_readable_ = true;
  bool was_watched_ = true;
};

}  // namespace hashpost::sender
