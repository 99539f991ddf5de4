#include "store/fair_lock.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/temp_folder.h"

namespace hashpost::store {
namespace {

// Two objects on one folder exclude each other as two processes do: each has a file description of its own.
class FairLockTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FairLockTest);
  CPPUNIT_TEST(TellsWhetherALaneIsTaken);
  CPPUNIT_TEST(LetsOneIntoALane);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TellsWhetherALaneIsTaken() {
    for (FairLock* other : {&first_, &second_}) {
      CPPUNIT_ASSERT(!other->IsTaken(FairLock::kBulk));
      std::optional<FairLock::Place> place(std::in_place, first_, FairLock::kBulk);
      CPPUNIT_ASSERT(other->IsTaken(FairLock::kBulk));
      CPPUNIT_ASSERT(!other->IsTaken(FairLock::kNext));
      place.reset();
      CPPUNIT_ASSERT(!other->IsTaken(FairLock::kBulk));
    }
  }

  void LetsOneIntoALane() {
    std::atomic<int> inside = 0;
    std::atomic<bool> crowded = false;
    std::vector<std::thread> threads;
    for (FairLock* fair_lock : {&first_, &first_, &second_, &second_}) {
      threads.emplace_back([&, fair_lock] {
        for (int i = 0; i < 200; ++i) {
          const FairLock::Place place(*fair_lock, FairLock::kNext);
          if (++inside > 1) crowded = true;
          std::this_thread::yield();
          --inside;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT(!crowded);
  }

 private:
  TempFolder folder_;
  FairLock first_{folder_.path()};
  FairLock second_{folder_.path()};
};

CPPUNIT_TEST_SUITE_REGISTRATION(FairLockTest);

}  // namespace
}  // namespace hashpost::store
