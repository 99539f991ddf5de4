#include "file-sender/turn.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace hashpost::sender {
namespace {

using std::chrono::milliseconds;

class TurnTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TurnTest);
  CPPUNIT_TEST(IsHeldByOneThreadAtATime);
  CPPUNIT_TEST(IsNotAwaitedForEver);
  CPPUNIT_TEST_SUITE_END();

 public:
  void IsHeldByOneThreadAtATime() {
    constexpr std::chrono::seconds kPlenty{20};
    Turn turn;
    int held = 0;  // guarded by the turn: the thread sanitizer looks on
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          Turn::Hold hold(turn);
          hold.Await(kPlenty);
          hold.Await(kPlenty);
          ++held;
        }
      });
    }
    threads.clear();
    CPPUNIT_ASSERT_EQUAL(2000, held);
    CPPUNIT_ASSERT(!turn.IsTaken());
  }

  void IsNotAwaitedForEver() {
    Turn turn;
    std::optional<Turn::Hold> first(std::in_place, turn);
    first->Await(milliseconds(0));
    CPPUNIT_ASSERT(turn.IsTaken());
    {
      Turn::Hold second(turn);
      second.Await(milliseconds(1));
    }
    CPPUNIT_ASSERT(turn.IsTaken());  // who went on without it does not give it back
    first.reset();
    CPPUNIT_ASSERT(!turn.IsTaken());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TurnTest);

}  // namespace
}  // namespace hashpost::sender
