#include "fcgi-worker/drop/name_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "lib/io/range_lock.h"
#include "lib/watchdog/watchdog.h"
#include "store/message_store.h"

namespace hashpost::drop {
namespace {

constexpr std::size_t kSlots = 65536;

// FNV-1a: the same in every process.
std::size_t SlotOf(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return static_cast<std::size_t>(hash % kSlots);
}

[[noreturn]] void Throw(const std::string& file) {
  throw store::StoreError("The lock file " + file +
                          " cannot be used: " + std::system_category().message(errno) + ".");
}

}  // namespace

NameLock::NameLock(const std::string& file, std::string_view name)
    : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (!fd_) Throw(file);
  const watchdog::Waiting waiting;
  if (!io::LockRange(fd_.get(), F_WRLCK, {static_cast<off_t>(SlotOf(name)), 1}, F_OFD_SETLKW)) Throw(file);
}

}  // namespace hashpost::drop
