#include "store/group_committer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/store/conformance.h"

namespace hashpost::store {
namespace {

// What the committer told each write, collected across threads.
class Results {
 public:
  void Add(const std::string& result) {
    const std::scoped_lock lock(mutex_);
    results_.push_back(result);
    changed_.notify_all();
  }
  std::vector<std::string> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return results_.size() >= count; });
    return results_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> results_;
};

class TestWrite : public PendingWrite {
 public:
  TestWrite(Results& results, std::string message) : results_(results), message_(std::move(message)) {}
  [[nodiscard]] Change change() const override { return {crypto::HashSha256(message_), message_}; }
  void Done(Outcome outcome) noexcept override {
    results_.Add(message_ + (outcome == Outcome::kCreated ? " created" : " existed"));
  }
  void Failed(const std::exception_ptr& error) noexcept override {
    try {
      std::rethrow_exception(error);
    } catch (const StoreError& reason) {
      results_.Add(message_ + " " + reason.what());
    }
  }

 private:
  Results& results_;
  const std::string message_;
};

// A store that shows how it was called: it can be held up, and fails batches that hold a certain message.
class ProbeStore : public MessageStore {
 public:
  class ProbeTurn : public CommitTurn {
   public:
    explicit ProbeTurn(ProbeStore& store) : store_(store) {}
    [[nodiscard]] std::vector<Outcome> Apply(std::span<const Change> changes) override {
      return store_.Commit(changes);
    }

   private:
    ProbeStore& store_;
  };
  [[nodiscard]] std::unique_ptr<CommitTurn> AwaitTurn() override {
    return std::make_unique<ProbeTurn>(*this);
  }
  [[nodiscard]] bool BulkHasTurn() override { return bulk_has_turn; }
  [[nodiscard]] std::vector<Outcome> Commit(std::span<const Change> changes) {
    std::unique_lock lock(mutex_);
    committed_by = std::this_thread::get_id();
    batches.push_back(changes.size());
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    for (const Change& change : changes) {
      if (*change.message == "full") throw StoreFull("is full");
      if (*change.message == "broken") throw StoreBroken("is broken");
    }
    return std::vector<Outcome>(changes.size(), Outcome::kCreated);
  }
  [[nodiscard]] std::optional<StoredMessage> Get(const Digest&, const Admit&) override { return {}; }
  [[nodiscard]] bool Holds(const Digest&, std::string_view) override { return false; }
  [[nodiscard]] std::optional<MessageInfo> Find(const Digest&) override { return {}; }
  void CheckWritable() override {}
  void Maintain() override {}

  void Hold(bool held) {
    const std::scoped_lock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void AwaitBatches(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return batches.size() >= count; });
  }

  std::vector<std::size_t> batches;
  std::thread::id committed_by;
  bool bulk_has_turn = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class GroupCommitterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(GroupCommitterTest);
  CPPUNIT_TEST(CommitsALoneWrite);
  CPPUNIT_TEST(CommitsALoneWriteOnItsOwnThread);
  CPPUNIT_TEST(DoesNotMakeALoneWriterWaitForAnUpload);
  CPPUNIT_TEST(CommitsItselfWhatCameBehindALoneWrite);
  CPPUNIT_TEST(EndsBehindALoneWrite);
  CPPUNIT_TEST(LosesNothingOfManyThreads);
  CPPUNIT_TEST(PutsWhatQueuedMeanwhileIntoOneBatch);
  CPPUNIT_TEST(BoundsABatch);
  CPPUNIT_TEST(TriesAFailedBatchOneByOne);
  CPPUNIT_TEST(DoesNotGoOnAfterTheStoreBroke);
  CPPUNIT_TEST(CommitsWhatIsQueuedBeforeItEnds);
  CPPUNIT_TEST(TellsHowLongWritesWait);
  CPPUNIT_TEST_SUITE_END();

 public:
  void CommitsALoneWrite() {
    GroupCommitter committer(store_);
    committer.Submit(std::make_unique<TestWrite>(results_, "a"));
    CPPUNIT_ASSERT(std::vector<std::string>{"a created"} == results_.Await(1));
  }

  void CommitsALoneWriteOnItsOwnThread() {
    GroupCommitter committer(store_, {.alone_at_once = true});
    for (const char* message : {"a", "b"}) committer.Submit(std::make_unique<TestWrite>(results_, message));
    CPPUNIT_ASSERT((std::vector<std::string>{"a created", "b created"}) == results_.Await(0));
    CPPUNIT_ASSERT(std::this_thread::get_id() == store_.committed_by);
  }

  void DoesNotMakeALoneWriterWaitForAnUpload() {
    GroupCommitter committer(store_, {.alone_at_once = true});
    store_.bulk_has_turn = true;
    committer.Submit(std::make_unique<TestWrite>(results_, "a"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, results_.Await(1).size());
    CPPUNIT_ASSERT(std::this_thread::get_id() != store_.committed_by);
  }

  void CommitsItselfWhatCameBehindALoneWrite() {
    GroupCommitter committer(store_, {.alone_at_once = true});
    std::thread alone = SubmitBehindOneAlone(committer, {"b", "c"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, results_.Await(3).size());
    alone.join();
    CPPUNIT_ASSERT((std::vector<std::size_t>{1, 2}) == store_.batches);
    // The last batch was more than one write, so the next one is gathered for.
    committer.Submit(std::make_unique<TestWrite>(results_, "d"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, results_.Await(4).size());
  }

  void EndsBehindALoneWrite() {
    std::thread alone;
    {
      GroupCommitter committer(store_, {.alone_at_once = true});
      alone = SubmitBehindOneAlone(committer, {"b"});
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, results_.Await(2).size());
    alone.join();
  }

  void LosesNothingOfManyThreads() {
    constexpr int kThreads = 4;
    constexpr int kWrites = 500;
    {
      GroupCommitter committer(store_, {.gather = std::chrono::microseconds(50), .alone_at_once = true});
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < kWrites; ++i) {
            committer.Submit(std::make_unique<TestWrite>(results_, std::to_string(t * kWrites + i)));
            if (i % 7 == t) (void)results_.Await(static_cast<std::size_t>(i));  // sometimes alone
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{kThreads * kWrites}, results_.Await(0).size());
  }

  void PutsWhatQueuedMeanwhileIntoOneBatch() {
    GroupCommitter committer(store_);
    SubmitBehindOne(committer, {"b", "c", "d"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, results_.Await(4).size());
    CPPUNIT_ASSERT((std::vector<std::size_t>{1, 3}) == store_.batches);
  }

  void BoundsABatch() {
    GroupCommitter committer(store_, {.max_batch_writes = 3, .max_batch_bytes = 10});
    SubmitBehindOne(committer, {"12345", "12345", "1", "123456789012345", "1"});
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, results_.Await(6).size());
    CPPUNIT_ASSERT((std::vector<std::size_t>{1, 2, 1, 1, 1}) == store_.batches);
  }

  void TriesAFailedBatchOneByOne() {
    GroupCommitter committer(store_);
    SubmitBehindOne(committer, {"b", "full", "c"});
    const auto results = results_.Await(4);
    CPPUNIT_ASSERT((std::vector<std::string>{"first created", "b created", "full is full", "c created"}) ==
                   results);
  }

  void DoesNotGoOnAfterTheStoreBroke() {
    GroupCommitter committer(store_);
    SubmitBehindOne(committer, {"b", "broken"});
    const auto results = results_.Await(3);
    CPPUNIT_ASSERT((std::vector<std::string>{"first created", "b is broken", "broken is broken"}) == results);
    CPPUNIT_ASSERT((std::vector<std::size_t>{1, 2}) == store_.batches);
  }

  void CommitsWhatIsQueuedBeforeItEnds() {
    {
      GroupCommitter committer(store_);
      SubmitBehindOne(committer, {"b", "c"});
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, results_.Await(0).size());
  }

  void TellsHowLongWritesWait() {
    GroupCommitter committer(store_);
    CPPUNIT_ASSERT(committer.Delay() == std::chrono::steady_clock::duration::zero());
    store_.Hold(true);
    committer.Submit(std::make_unique<TestWrite>(results_, "a"));
    store_.AwaitBatches(1);
    CPPUNIT_ASSERT(committer.Delay() > std::chrono::steady_clock::duration::zero());
    store_.Hold(false);
    (void)results_.Await(1);
  }

 private:
  // Queues `messages` while the commit of a first write is held up, so that they queue together.
  void SubmitBehindOne(GroupCommitter& committer, const std::vector<std::string>& messages) {
    store_.Hold(true);
    committer.Submit(std::make_unique<TestWrite>(results_, "first"));
    store_.AwaitBatches(1);
    for (const std::string& message : messages)
      committer.Submit(std::make_unique<TestWrite>(results_, message));
    store_.Hold(false);
  }

  // The same with a first write that its own thread commits; to be joined.
  std::thread SubmitBehindOneAlone(GroupCommitter& committer, const std::vector<std::string>& messages) {
    store_.Hold(true);
    std::thread alone([&] { committer.Submit(std::make_unique<TestWrite>(results_, "first")); });
    store_.AwaitBatches(1);
    for (const std::string& message : messages)
      committer.Submit(std::make_unique<TestWrite>(results_, message));
    store_.Hold(false);
    return alone;
  }

  ProbeStore store_;
  Results results_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(GroupCommitterTest);

}  // namespace
}  // namespace hashpost::store
