#include "store/fair_lock.h"

#include <cerrno>
#include <system_error>

#include "lib/io/range_lock.h"
#include "lib/watchdog/watchdog.h"
#include "store/message_store.h"

namespace hashpost::store {
FairLock::FairLock(const std::string& folder)
    : file_(::open((folder + "/turns.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (!file_) {
    throw StoreError(folder + "/turns.lock cannot be opened: " + std::system_category().message(errno) + ".");
  }
}

bool FairLock::IsTaken(Stage stage) {
  const std::unique_lock held(stages_[stage], std::try_to_lock);
  if (!held) return true;
  return io::IsRangeLocked(file_.get(), {stage, 1}).value_or(false);
}

FairLock::Place::Place(FairLock& fair_lock, Stage stage)
    : file_(fair_lock.file_.get()), stage_(stage), held_(fair_lock.stages_[stage], std::defer_lock) {
  const watchdog::Waiting waiting;
  held_.lock();
  (void)io::LockRange(file_, F_WRLCK, {stage_, 1}, F_OFD_SETLKW);
}

FairLock::Place::~Place() {
  (void)io::LockRange(file_, F_UNLCK, {stage_, 1}, F_OFD_SETLKW);
}

}  // namespace hashpost::store
