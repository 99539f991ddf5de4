#include "store/transactions.h"

#include <string>
#include <utility>

#include "lib/log/log.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::store {

Transactions::Active::Active(Transactions& all) : all_(all) {
  std::unique_lock lock(all_.mutex_);
  all_.changed_.wait(lock, [&] { return !all_.adopting_; });
  ++all_.active_;
}

Transactions::Active::~Active() {
  const std::scoped_lock lock(all_.mutex_);
  --all_.active_;
  if (all_.adopting_ && all_.active_ == 0) all_.changed_.notify_all();
}

Transactions::Read::Read(Transactions& all) : all_(all) {
  for (;;) {
    active_.emplace(all_);
    try {
      Begin();
      return;
    } catch (const lmdb::Error& error) {
      if (error.code() != MDB_MAP_RESIZED) throw;
    }
    txn_.reset();
    active_.reset();
    all_.AdoptMapSize();
  }
}

void Transactions::Read::Begin() {
  txn_ = all_.TakeResting();
  if (txn_ == nullptr) {
    txn_ = all_.BeginNew();
  } else {
    txn_->Renew();
  }
}

Transactions::Read::~Read() {
  txn_->Reset();
  const std::scoped_lock lock(all_.mutex_);
  all_.resting_.push_back(std::move(txn_));
}

Transactions::Write::Write(Transactions& all) {
  for (;;) {
    active_.emplace(all);
    try {
      txn_.emplace(all.env_);
      return;
    } catch (const lmdb::Error& error) {
      if (error.code() != MDB_MAP_RESIZED) throw;
    }
    active_.reset();
    all.AdoptMapSize();
  }
}

std::unique_ptr<lmdb::ReadTxn> Transactions::TakeResting() {
  const std::scoped_lock lock(mutex_);
  if (resting_.empty()) return nullptr;
  std::unique_ptr<lmdb::ReadTxn> txn = std::move(resting_.back());
  resting_.pop_back();
  return txn;
}

std::unique_ptr<lmdb::ReadTxn> Transactions::BeginNew() {
  try {
    return std::make_unique<lmdb::ReadTxn>(env_);
  } catch (const lmdb::Error& error) {
    if (error.code() != MDB_READERS_FULL) throw;
    const int cleared = env_.ClearStaleReaders();
    log::Warning("store", "The reader table was full; cleared " + std::to_string(cleared) + " dead readers.");
    return std::make_unique<lmdb::ReadTxn>(env_);
  }
}

void Transactions::AdoptMapSize() {
  const watchdog::Waiting for_the_others;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !adopting_; });
  adopting_ = true;
  changed_.wait(lock, [&] { return active_ == 0; });
  try {
    env_.AdoptMapSize();
    log::Info(
        "store",
        "Another service with a larger HASHPOST_MAX_STORE_BYTES uses this store: its size was adopted.");
  } catch (...) {
    adopting_ = false;
    changed_.notify_all();
    throw;
  }
  adopting_ = false;
  changed_.notify_all();
}

}  // namespace hashpost::store
