#include "lib/watchdog/watchdog.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace hashpost::watchdog {
namespace {

struct WorkSlot {
  std::atomic<Clock::rep> since{0};  // 0: not at work
  std::atomic<const char*> what{nullptr};
};

// The slots of all living threads. It is never destroyed, since threads may end after main returns.
struct Registry {
  std::mutex mutex;
  std::vector<WorkSlot*> slots;
};

Registry& TheRegistry() {
  static auto* registry = new Registry;
  return *registry;
}

// A thread's slot: registered at its first use, withdrawn when the thread ends.
struct OwnSlot {
  WorkSlot slot;
  OwnSlot() {
    const std::scoped_lock lock(TheRegistry().mutex);
    TheRegistry().slots.push_back(&slot);
  }
  ~OwnSlot() {
    const std::scoped_lock lock(TheRegistry().mutex);
    std::erase(TheRegistry().slots, &slot);
  }
  OwnSlot(const OwnSlot&) = delete;
  OwnSlot& operator=(const OwnSlot&) = delete;
};

WorkSlot& Mine() {
  thread_local OwnSlot own;
  return own.slot;
}

Clock::rep Now() {
  return Clock::now().time_since_epoch().count();
}

}  // namespace

Working::Working(const char* what) : outer_(nullptr) {
  WorkSlot& slot = Mine();
  if (slot.since.load(std::memory_order_relaxed) != 0) outer_ = slot.what.load(std::memory_order_relaxed);
  slot.what.store(what, std::memory_order_relaxed);
  slot.since.store(Now(), std::memory_order_release);
}

Working::~Working() {
  WorkSlot& slot = Mine();
  if (outer_ != nullptr) slot.what.store(outer_, std::memory_order_relaxed);
  slot.since.store(outer_ != nullptr ? Now() : 0, std::memory_order_release);
}

Waiting::Waiting() : was_working_(Mine().since.exchange(0, std::memory_order_acq_rel) != 0) {}

Waiting::~Waiting() {
  if (was_working_) Mine().since.store(Now(), std::memory_order_release);
}

std::optional<Busy> Oldest() {
  const std::scoped_lock lock(TheRegistry().mutex);
  std::optional<Busy> oldest;
  const Clock::rep now = Now();
  for (const WorkSlot* slot : TheRegistry().slots) {
    const Clock::rep since = slot->since.load(std::memory_order_acquire);
    if (since == 0) continue;
    const Clock::duration age{std::max<Clock::rep>(now - since, 0)};
    if (!oldest || age > oldest->since) oldest = Busy{slot->what.load(std::memory_order_relaxed), age};
  }
  return oldest;
}

}  // namespace hashpost::watchdog
