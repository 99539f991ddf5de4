#include "fcgi-worker/fcgi/blocking_pool.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <latch>
#include <memory>

namespace hashpost::fcgi {
namespace {

class Step : public BlockingPool::Task {
 public:
  Step(std::atomic<int>& done, std::latch& started, std::latch& go)
      : done_(done), started_(started), go_(go) {}
  void Run() noexcept override {
    started_.count_down();
    go_.wait();
    if (BlockingPool::OnThread()) ++done_;
  }
  void Refuse() noexcept override {}

 private:
  std::atomic<int>& done_;
  std::latch& started_;
  std::latch& go_;
};

class BlockingPoolTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BlockingPoolTest);
  CPPUNIT_TEST(RunsUpToItsCapAtOnceAndQueuesUpToItsBound);
  CPPUNIT_TEST(CountsNoTaskAsWaitingThatANewThreadWillTake);
  CPPUNIT_TEST(FinishesWhatIsQueuedBeforeItEnds);
  CPPUNIT_TEST_SUITE_END();

 public:
  void RunsUpToItsCapAtOnceAndQueuesUpToItsBound() {
    std::atomic<int> done = 0;
    std::latch started(2);
    std::latch rest(1);
    std::latch go(1);
    {
      BlockingPool pool(2, 1);
      for (int i = 0; i < 2; ++i) {
        Task task = std::make_unique<Step>(done, started, go);
        // The queue has one place: it is free again once the thread before has taken its task.
        while (!pool.Submit(task)) std::this_thread::yield();
      }
      started.wait();  // both run at once
      Task queued = std::make_unique<Step>(done, rest, go);
      CPPUNIT_ASSERT(pool.Submit(queued));
      Task refused = std::make_unique<Step>(done, rest, go);
      CPPUNIT_ASSERT(!pool.Submit(refused));
      CPPUNIT_ASSERT(refused != nullptr);
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pool.Waiting());
      const auto since = BlockingPool::Clock::now();
      CPPUNIT_ASSERT(pool.TakeWaitingSince(since - std::chrono::seconds(20)).empty());
      auto taken = pool.TakeWaitingSince(since);
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, taken.size());
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, pool.Waiting());
      CPPUNIT_ASSERT(pool.Submit(taken.front()));
      go.count_down();
    }
    CPPUNIT_ASSERT_EQUAL(3, done.load());
    CPPUNIT_ASSERT(!BlockingPool::OnThread());
  }

  // Or a slow client loses its thread to somebody who needs none.
  void CountsNoTaskAsWaitingThatANewThreadWillTake() {
    std::atomic<int> done = 0;
    std::size_t waiting = 0;
    std::latch started(200);
    std::latch go(1);
    {
      BlockingPool pool(200, 200);
      for (int i = 0; i < 200; ++i) {
        Task task = std::make_unique<Step>(done, started, go);
        CPPUNIT_ASSERT(pool.Submit(task));
        waiting += pool.Waiting();
      }
      go.count_down();
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, waiting);
    CPPUNIT_ASSERT_EQUAL(200, done.load());
  }

  void FinishesWhatIsQueuedBeforeItEnds() {
    std::atomic<int> done = 0;
    std::latch started(10);
    std::latch go(0);
    {
      BlockingPool pool(1, 10);
      for (int i = 0; i < 10; ++i) {
        Task task = std::make_unique<Step>(done, started, go);
        CPPUNIT_ASSERT(pool.Submit(task));
      }
    }
    CPPUNIT_ASSERT_EQUAL(10, done.load());
  }

 private:
  using Task = std::unique_ptr<BlockingPool::Task>;
};

CPPUNIT_TEST_SUITE_REGISTRATION(BlockingPoolTest);

}  // namespace
}  // namespace hashpost::fcgi
