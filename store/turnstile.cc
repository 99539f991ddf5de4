#include "store/turnstile.h"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "lib/progress/progress.h"
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

Turnstile::Turnstile(const std::string& folder)
    : file_(::open((folder + "/turns.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (!file_) {
    throw StoreError(folder + "/turns.lock cannot be opened: " + std::system_category().message(errno) + ".");
  }
}

bool Turnstile::IsTaken(Lane lane) {
  const std::unique_lock held(lanes_[lane], std::try_to_lock);
  if (!held) return true;
  struct flock range = Range(lane, F_WRLCK);
  return ::fcntl(file_.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

Turnstile::Place::Place(Turnstile& turnstile, Lane lane)
    : file_(turnstile.file_.get()), lane_(lane), held_(turnstile.lanes_[lane], std::defer_lock) {
  const progress::Waiting waiting;
  held_.lock();
  Lock(file_, lane_, F_WRLCK);
}

Turnstile::Place::~Place() {
  Lock(file_, lane_, F_UNLCK);
}

}  // namespace hashpost::store
