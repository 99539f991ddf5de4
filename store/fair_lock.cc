#include "store/fair_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "lib/watchdog/watchdog.h"
#include "store/message_store.h"

namespace hashpost::store {
namespace {

struct flock Range(int byte, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  return range;
}

void Lock(int file, int byte, short type) {
  struct flock range = Range(byte, type);
  while (::fcntl(file, F_OFD_SETLKW, &range) != 0 && errno == EINTR) {
  }
}

}  // namespace

FairLock::FairLock(const std::string& folder)
    : file_(::open((folder + "/turns.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (!file_) {
    throw StoreError(folder + "/turns.lock cannot be opened: " + std::system_category().message(errno) + ".");
  }
}

bool FairLock::IsTaken(Stage stage) {
  const std::unique_lock held(stages_[stage], std::try_to_lock);
  if (!held) return true;
  struct flock range = Range(stage, F_WRLCK);
  return ::fcntl(file_.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

FairLock::Place::Place(FairLock& fair_lock, Stage stage)
    : file_(fair_lock.file_.get()), stage_(stage), held_(fair_lock.stages_[stage], std::defer_lock) {
  const watchdog::Waiting waiting;
  held_.lock();
  Lock(file_, stage_, F_WRLCK);
}

FairLock::Place::~Place() {
  Lock(file_, stage_, F_UNLCK);
}

}  // namespace hashpost::store
