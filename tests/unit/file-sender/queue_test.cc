#include "file-sender/queue.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace hashpost::sender {
namespace {

using std::chrono::milliseconds;

FileStamp Stamp(std::uint64_t size) {
  FileStamp stamp;
  stamp.size = size;
  return stamp;
}

class QueueTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(QueueTest);
  CPPUNIT_TEST(GivesNamesInTheOrderTheyCame);
  CPPUNIT_TEST(GivesANameOnceHoweverOftenItIsAdded);
  CPPUNIT_TEST(GivesANameAgainThatChangedInFlight);
  CPPUNIT_TEST(LetsOthersGoAheadOfWhatFailed);
  CPPUNIT_TEST(ForgetsFailuresWhenTheFileChanges);
  CPPUNIT_TEST(GivesEarlierWhatWasPutOff);
  CPPUNIT_TEST(WakesAnotherThreadForTheNextWhileOneIsBusy);
  CPPUNIT_TEST(KeepsBigFilesFromAThreadForSmallOnes);
  CPPUNIT_TEST(WakesTheOneThreadThatMayTakeWhatCame);
  CPPUNIT_TEST(EndsWhenItIsClosedAndAllIsDone);
  CPPUNIT_TEST(EndsAtAStop);
  CPPUNIT_TEST(NeverGivesANameToTwoThreads);
  CPPUNIT_TEST_SUITE_END();

 public:
  void GivesNamesInTheOrderTheyCame() {
    for (const char* name : {"c", "a", "b"}) queue_.Add(name, Stamp(1));
    for (const char* name : {"c", "a", "b"}) CPPUNIT_ASSERT_EQUAL(std::string(name), Take());
  }

  void GivesANameOnceHoweverOftenItIsAdded() {
    queue_.Add("a", Stamp(1));
    queue_.Add("a", Stamp(1));
    queue_.Add("a", Stamp(2));
    queue_.Close();
    CPPUNIT_ASSERT_EQUAL(std::string("a"), Take());
    queue_.Add("a", Stamp(2));  // in flight, and not changed
    queue_.Done("a");
    CPPUNIT_ASSERT_EQUAL(std::string(), Take());
  }

  void GivesANameAgainThatChangedInFlight() {
    queue_.Add("a", Stamp(1));
    CPPUNIT_ASSERT_EQUAL(std::string("a"), Take());
    queue_.Add("a", Stamp(2));
    queue_.Add("b", Stamp(1));
    CPPUNIT_ASSERT_EQUAL(std::string("b"), Take());  // not a, which is in flight
    queue_.Again("a", std::chrono::hours(1), 7);     // it failed, but that was the old one
    const auto job = queue_.Take(stop_.get_token());
    CPPUNIT_ASSERT_EQUAL(std::string("a"), job->name);
    CPPUNIT_ASSERT_EQUAL(0U, job->failures);
    queue_.Done("a");
    queue_.Done("b");
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, queue_.Size());
  }

  void LetsOthersGoAheadOfWhatFailed() {
    queue_.Add("a", Stamp(1));
    queue_.Add("b", Stamp(1));
    CPPUNIT_ASSERT_EQUAL(std::string("a"), Take());
    queue_.Again("a", milliseconds(30), 2);
    CPPUNIT_ASSERT_EQUAL(std::string("b"), Take());
    queue_.Add("a", Stamp(1));  // a scan: the file is the same, so its pause goes on
    const auto begin = Queue::Clock::now();
    const auto job = queue_.Take(stop_.get_token());
    CPPUNIT_ASSERT_EQUAL(std::string("a"), job->name);
    CPPUNIT_ASSERT_EQUAL(2U, job->failures);
    CPPUNIT_ASSERT(Queue::Clock::now() - begin > milliseconds(10));
  }

  void ForgetsFailuresWhenTheFileChanges() {
    queue_.Add("a", Stamp(1));
    (void)Take();
    queue_.Again("a", std::chrono::hours(1), 9);
    queue_.Add("a", Stamp(2));
    CPPUNIT_ASSERT_EQUAL(0U, queue_.Take(stop_.get_token())->failures);
  }

  void GivesEarlierWhatWasPutOff() {
    queue_.Add("a", Stamp(1), Queue::Clock::now() + std::chrono::hours(1));
    queue_.Add("a", Stamp(1));  // it was closed
    CPPUNIT_ASSERT_EQUAL(std::string("a"), Take());
  }

  // Once two threads waited and both entries woke the same one: the second entry slept until that was done.
  void WakesAnotherThreadForTheNextWhileOneIsBusy() {
    std::atomic<int> taken = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        const std::string name = Take();
        ++taken;
        while (taken < 2 && !stop_.stop_requested())
          std::this_thread::yield();  // busy until the other has one
        queue_.Done(name);
      });
    }
    const auto now = Queue::Clock::now();
    queue_.Add("a", Stamp(1), now + milliseconds(20));
    queue_.Add("b", Stamp(1), now + milliseconds(40));
    threads.clear();
    CPPUNIT_ASSERT_EQUAL(2, taken.load());
  }

  void KeepsBigFilesFromAThreadForSmallOnes() {
    queue_.Add("big", Stamp(Queue::kBigBytes));
    queue_.Add("small", Stamp(Queue::kBigBytes - 1));
    queue_.Add("grows", Stamp(1));
    queue_.Add("grows", Stamp(Queue::kBigBytes));
    queue_.Add("shrinks", Stamp(Queue::kBigBytes));
    queue_.Add("shrinks", Stamp(1));
    for (const char* name : {"small", "shrinks"}) {
      CPPUNIT_ASSERT_EQUAL(std::string(name), queue_.Take(stop_.get_token(), Queue::Wanted::kSmall)->name);
    }
    for (const char* name : {"big", "grows"}) CPPUNIT_ASSERT_EQUAL(std::string(name), Take());
  }

  // With one thread woken for each name it would be the wrong one: here three of four may not take it.
  void WakesTheOneThreadThatMayTakeWhatCame() {
    for (int round = 0; round < 20; ++round) {
      std::stop_source stop;
      std::atomic<int> waiting = 0;
      std::atomic<int> taken = 0;
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, wanted = i < 3 ? Queue::Wanted::kSmall : Queue::Wanted::kAny] {
          ++waiting;
          if (const auto job = queue_.Take(stop.get_token(), wanted)) {
            queue_.Done(job->name);
            ++taken;
          }
        });
        while (waiting <= i) std::this_thread::yield();
      }
      queue_.Add("big", Stamp(Queue::kBigBytes));
      const auto deadline = Queue::Clock::now() + std::chrono::seconds(20);
      while (taken == 0 && Queue::Clock::now() < deadline) std::this_thread::yield();
      stop.request_stop();
      threads.clear();
      CPPUNIT_ASSERT_EQUAL(1, taken.load());
    }
  }

  void EndsWhenItIsClosedAndAllIsDone() {
    queue_.Add("a", Stamp(1));
    CPPUNIT_ASSERT_EQUAL(std::string("a"), Take());
    queue_.Close();
    std::jthread waits([&] { CPPUNIT_ASSERT_EQUAL(std::string(), Take()); });
    queue_.Done("a");
    waits.join();
    CPPUNIT_ASSERT_EQUAL(std::string(), Take());
  }

  void EndsAtAStop() {
    queue_.Add("a", Stamp(1), Queue::Clock::now() + std::chrono::hours(1));
    std::jthread waits([&] { CPPUNIT_ASSERT_EQUAL(std::string(), Take()); });
    stop_.request_stop();
  }

  void NeverGivesANameToTwoThreads() {
    constexpr int kNames = 10;
    std::vector<std::atomic<int>> in_flight(kNames);
    std::vector<std::atomic<std::uint64_t>> seen(kNames);
    std::atomic<bool> twice = false;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          while (const auto job = queue_.Take(stop_.get_token())) {
            const int name = std::stoi(job->name);
            if (++in_flight[name] > 1) twice = true;
            ++seen[name];
            --in_flight[name];
            queue_.Done(job->name);
          }
        });
      }
      for (std::uint64_t round = 1; round <= 1000; ++round) {
        for (int name = 0; name < kNames; ++name) queue_.Add(std::to_string(name), Stamp(round));
      }
      queue_.Close();
    }
    CPPUNIT_ASSERT(!twice);
    for (const auto& count : seen) CPPUNIT_ASSERT(count > 0);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, queue_.Size());
  }

 private:
  // The next name, or nothing at the end.
  std::string Take() {
    const auto job = queue_.Take(stop_.get_token());
    return job ? job->name : "";
  }

  Queue queue_;
  std::stop_source stop_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(QueueTest);

}  // namespace
}  // namespace hashpost::sender
