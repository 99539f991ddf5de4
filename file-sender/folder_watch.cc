#include "file-sender/folder_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "file-sender/input_file.h"
#include "file-sender/naming.h"
#include "lib/log/log.h"
#include "lib/utf8/utf8.h"

namespace hashpost::sender {
namespace {

constexpr std::size_t kEventBytes = std::size_t{64} << 10U;

}  // namespace

FolderWatch::FolderWatch(const std::string& folder, Queue& queue, const State& state, std::uint64_t settings)
    : folder_(folder), queue_(queue), state_(state), settings_(settings) {}

bool FolderWatch::AddWatch() {
  if (!inotify_) inotify_ = io::UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  return inotify_ &&
         ::inotify_add_watch(inotify_.get(), folder_.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

void FolderWatch::Watch() {
  const bool is_watched = AddWatch();
  // (A folder that is not there is the scan's to report.)
  if (!is_watched && was_watched_ && errno != ENOENT) {
    log::Warning("sender", "INPUT_DIR=" + folder_ +
                               " cannot be watched (inotify: " + std::system_category().message(errno) +
                               "): new files are found by scans only, each SCAN_INTERVAL. Raise the limits " +
                               "fs.inotify.max_user_instances and max_user_watches (sysctl).");
  }
  was_watched_ = is_watched;
}

bool FolderWatch::ReadEvents() {
  bool complete = true;
  alignas(inotify_event) std::array<char, kEventBytes> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return complete;
    for (const char* at = buffer.data(); at < buffer.data() + size;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      const char* name = at + sizeof event;  // NUL-terminated, if there is one
      at += sizeof event + event.len;
      if ((event.mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0) complete = false;
      if (event.len == 0 || !IsInput(name)) continue;
      queue_.Add(name, StampAt(AT_FDCWD, folder_ + "/" + name));
    }
  }
}

ScanResult FolderWatch::Scan(std::chrono::milliseconds quiet_for) {
  ScanResult result;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_.c_str()), ::closedir);
  if (!folder) {
    result.readable = false;
    const std::string words = std::system_category().message(errno);
    if (was_readable_) log::Error("sender", "INPUT_DIR=" + folder_ + " cannot be read: " + words + ".");
  } else {
    while (const dirent* entry = ::readdir(folder.get())) {
      if (IsInput(entry->d_name)) Visit(::dirfd(folder.get()), entry->d_name, quiet_for, result);
      if (IsAlmostInput(entry->d_name)) PassOver(entry->d_name);
    }
    if (!was_readable_) log::Info("sender", "INPUT_DIR=" + folder_ + " can be read again.");
  }
  was_readable_ = result.readable;
  return result;
}

void FolderWatch::PassOver(const std::string& name) {
  constexpr std::size_t kMost = 1000;  // what is logged at all, so that memory has a bound
  if (passed_over_.size() == kMost || !passed_over_.insert(name).second) return;
  log::Warning("sender",
               utf8::Printable(name, 255) +
                   " is passed over: only names that end in .json, in small letters, are sent; rename it.");
}

void FolderWatch::Visit(int folder, const std::string& name, std::chrono::milliseconds quiet_for,
                        ScanResult& result) {
  const FileStamp stamp = StampAt(folder, name);
  const auto record = state_.Get(name);
  if (record && record->IsSettled(stamp, settings_)) {
    if (record->kind == RecordKind::kQuarantined) ++result.quarantined;
    return;
  }
  // (A clock that was put back, or another machine's, may show changes in the future: no reason to wait
  // longer.)
  const auto age = std::chrono::nanoseconds(static_cast<std::int64_t>(Now() - stamp.ctime));
  const auto wait =
      std::clamp<std::chrono::nanoseconds>(quiet_for - age, std::chrono::nanoseconds(0), quiet_for);
  queue_.Add(name, stamp, Queue::Clock::now() + wait);
  ++result.added;
}

}  // namespace hashpost::sender
