// Transactions: this process's transactions in the environment of a store. Read transactions rest in a pool
// between uses, since reader slots are scarce and transactions costly to make. When another process let the
// file grow past this one's map, waits until no transaction is active, maps as much as that one, and goes on.
// Thread-safe; the objects it gives out belong to one thread each, and a thread that has a Write begins no
// other.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/lmdb/lmdb.h"

namespace hashpost::store {

class Transactions {
 public:
  explicit Transactions(lmdb::Env& env) : env_(env) {}  // which must outlive it
  Transactions(const Transactions&) = delete;
  Transactions& operator=(const Transactions&) = delete;

  // While it lives, the map stays as it is.
  class Active {
   public:
    explicit Active(Transactions& all);
    ~Active();
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;

   private:
    Transactions& all_;
  };

  // A read transaction with a fresh snapshot. Throws lmdb::Error.
  class Read {
   public:
    explicit Read(Transactions& all);
    ~Read();
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    [[nodiscard]] MDB_txn* get() const { return txn_->get(); }
    [[nodiscard]] std::size_t Id() const { return txn_->Id(); }  // the commit that it sees

   private:
    void Begin();
    Transactions& all_;
    std::optional<Active> active_;
    std::unique_ptr<lmdb::ReadTxn> txn_;
  };

  // A write transaction, aborted at its end unless it was committed. Waits for the writers of all processes.
  // Throws lmdb::Error.
  class Write {
   public:
    explicit Write(Transactions& all);
    [[nodiscard]] lmdb::WriteTxn& txn() { return *txn_; }

   private:
    std::optional<Active> active_;
    std::optional<lmdb::WriteTxn> txn_;  // ends before active_
  };

 private:
  [[nodiscard]] std::unique_ptr<lmdb::ReadTxn> TakeResting();
  [[nodiscard]] std::unique_ptr<lmdb::ReadTxn> BeginNew();
  void AdoptMapSize();

  lmdb::Env& env_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t active_ = 0;                               // guarded by mutex_
  bool adopting_ = false;                                // guarded by mutex_: nobody begins meanwhile
  std::vector<std::unique_ptr<lmdb::ReadTxn>> resting_;  // guarded by mutex_
};

}  // namespace hashpost::store
