#include "store/turnstile.h"

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
class TurnstileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TurnstileTest);
  CPPUNIT_TEST(TellsWhetherALaneIsTaken);
  CPPUNIT_TEST(LetsOneIntoALane);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TellsWhetherALaneIsTaken() {
    for (Turnstile* other : {&first_, &second_}) {
      CPPUNIT_ASSERT(!other->IsTaken(Turnstile::kBulk));
      std::optional<Turnstile::Place> place(std::in_place, first_, Turnstile::kBulk);
      CPPUNIT_ASSERT(other->IsTaken(Turnstile::kBulk));
      CPPUNIT_ASSERT(!other->IsTaken(Turnstile::kNext));
      place.reset();
      CPPUNIT_ASSERT(!other->IsTaken(Turnstile::kBulk));
    }
  }

  void LetsOneIntoALane() {
    std::atomic<int> inside = 0;
    std::atomic<bool> crowded = false;
    std::vector<std::thread> threads;
    for (Turnstile* turnstile : {&first_, &first_, &second_, &second_}) {
      threads.emplace_back([&, turnstile] {
        for (int i = 0; i < 200; ++i) {
          const Turnstile::Place place(*turnstile, Turnstile::kNext);
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
  Turnstile first_{folder_.path()};
  Turnstile second_{folder_.path()};
};

CPPUNIT_TEST_SUITE_REGISTRATION(TurnstileTest);

}  // namespace
}  // namespace hashpost::store
