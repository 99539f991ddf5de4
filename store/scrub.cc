#include "store/scrub.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "lib/log/log.h"
#include "store/message_store.h"

namespace hashpost::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTick{1};

// What Linux calls a thread has a priority of its own.
void StandBack() {
  constexpr int kLowest = 19;
  constexpr int kIdleClass = 3;  // IOPRIO_CLASS_IDLE, shifted by 13 below
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowest);
  ::syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, kIdleClass << 13);
}

}  // namespace

Scrub::Scrub(LmdbFiles& files, Transactions& transactions, DamageMark& mark,
             std::function<void(const std::string& reason)> on_end, ScrubOptions options)
    : files_(files),
      transactions_(transactions),
      mark_(mark),
      on_end_(std::move(on_end)),
      options_(options),
      turn_(::open(files.folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      thread_([this] { Run(); }) {}

Scrub::~Scrub() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void Scrub::Run() {
  StandBack();
  Clock::time_point due = Clock::now();
  do {
    LookAfterFiles();
    if (Clock::now() < due || !IsMyTurn()) continue;
    bool whole = false;
    try {
      whole = Round();
    } catch (const std::exception& error) {
      log::Warning("scrub", std::string("The store could not be checked: ") + error.what());
    }
    due = Clock::now() + (whole ? options_.interval : options_.hurry);
  } while (Pause(kTick));
}

bool Scrub::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, time, [&] { return stopping_; });
}

// Without a place to write, every worker must look for itself.
bool Scrub::IsMyTurn() {
  has_turn_ = has_turn_ || ::flock(turn_.get(), LOCK_EX | LOCK_NB) == 0;
  return has_turn_ || files_.read_only();
}

void Scrub::LookAfterFiles() {
  if (said_end_ || Clock::now() - looked_ < kTick) return;
  looked_ = Clock::now();
  try {
    if (!files_.read_only()) {
      files_.CheckGuard();
      return;
    }
    if (files_.DiskIsReadOnly()) return;
    // One after the other, so that requests are served meanwhile: the lock lasts as long as this process.
    // (Not turn_, which the worker that comes next takes for itself.)
    last_turn_ = io::UniqueFd(::open((files_.folder() + "/turns.lock").c_str(), O_RDONLY | O_CLOEXEC));
    if (last_turn_ && ::flock(last_turn_.get(), LOCK_EX | LOCK_NB) != 0) return;
    said_end_ = true;
    const std::string reason =
        files_.folder() + " can be written again: this worker ends for one that writes.";
    log::Info("store", reason);
    on_end_(reason);
  } catch (const StoreBroken& error) {
    said_end_ = true;
    log::Error("store", error.what());
    on_end_(error.what());
  } catch (const StoreError& error) {
    log::Warning("store", error.what());
  }
}

bool Scrub::Round() {
  const auto whole = LookThrough(Look::kFirst);
  return whole ? *whole : LookThrough(Look::kAgain).value_or(false);
}

std::optional<bool> Scrub::LookThrough(Look look) {
  StoreCheck check(files_.folder());
  const auto suspects = [&] { return look == Look::kFirst && check.damage().Any(); };
  try {
    const bool counted = CountTree(check);
    if (suspects()) return std::nullopt;
    if (check.damage().Any()) Report(check, counted);  // hashing may take long
    if (!HashMessages(check)) return true;             // it is to end
    if (suspects()) return std::nullopt;
    Report(check, counted);
    return counted && !check.damage().Any();
  } catch (const StoreError&) {
    if (suspects()) return std::nullopt;
    if (check.damage().Any()) Report(check, false);
    throw;
  }
}

bool Scrub::CountTree(StoreCheck& check) {
  std::optional<Transactions::Read> read;
  const lmdb::MetaPage meta = FindSnapshot(check, read, transactions_, files_.env());
  const std::size_t pages_then = files_.env().GetUsage().pages;
  const std::size_t leaves_per_slice = options_.slice_bytes / meta.page_size + 1;
  std::size_t leaves = 0;
  return check.CheckTree(meta, [&] {
    if (++leaves % leaves_per_slice != 0) return true;
    LookAfterFiles();
    return Pause(options_.tree_pause) &&
           files_.env().GetUsage().pages - pages_then <= options_.max_growth_pages;
  });
}

bool Scrub::HashMessages(StoreCheck& check) {
  std::optional<std::string> last = "";
  while (last) {
    {
      std::optional<Transactions::Read> read;
      const lmdb::MetaPage meta = FindSnapshot(check, read, transactions_, files_.env());
      last =
          check.CheckMessages(meta, *last, options_.slice_bytes, [](std::string_view, std::string_view) {});
    }
    LookAfterFiles();
    if (!Pause(last ? options_.pause : std::chrono::milliseconds(0))) return false;
  }
  return true;
}

void Scrub::Report(const StoreCheck& check, bool counted) {
  const Damage& damage = check.damage();
  const auto before = mark_.Read();
  if (damage.Any()) {
    const std::string sentence = "The store in " + files_.folder() + " is damaged: " + Describe(damage) + ".";
    if (!before || before->sentence != sentence) log::Error("scrub", sentence + " See docs/operations.md.");
    mark_.Write({damage.InTree(), sentence});
    return;
  }
  // What was found in the tree is gone only if the tree was counted again.
  if (before && (counted || !before->in_tree)) {
    mark_.Remove();
    log::Info("scrub", "The store is whole again.");
  }
  log::Info("scrub", "All " + std::to_string(check.messages()) + " messages are whole" +
                         (counted ? "." : "; so much was written meanwhile that they could not be counted."));
}

lmdb::MetaPage FindSnapshot(StoreCheck& check, std::optional<Transactions::Read>& read,
                            Transactions& transactions, const lmdb::Env& env) {
  constexpr int kTries = 1000;
  bool was_there = false;
  for (int tries = 0; tries < kTries; ++tries) {
    read.reset();
    read.emplace(transactions);
    const auto meta = check.FindMeta(read->Id());
    was_there = was_there || meta;
    // The commit after the next one writes over this meta page, perhaps while it was read. (The next one may
    // be on the disk already, and no reader sees it: so it stays when a worker was killed there, until the
    // next write.)
    if (meta && env.GetUsage().last_transaction <= read->Id() + 1) return *meta;
  }
  if (was_there)
    throw StoreUnavailable("commits come too fast for a look at one of them; it is tried again.");
  check.NotePage(lmdb::PageDamaged(0, "or page 1, the meta pages, are not of two commits in a row"));
  throw StoreDamaged("The store is damaged: " + Describe(check.damage()) + ".");
}

}  // namespace hashpost::store
