#include "lib/watchdog/watchdog.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <thread>

namespace hashpost::watchdog {
namespace {

// Time as the watchdog sees it passes only in Working, so these tests let a little of it pass.
void AwaitAge(Clock::duration age) {
  for (auto busy = Oldest(); !busy || busy->since < age; busy = Oldest()) std::this_thread::yield();
}

class ProgressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ProgressTest);
  CPPUNIT_TEST(SeesNothingWhereNobodyWorks);
  CPPUNIT_TEST(TellsWhoWorksLongest);
  CPPUNIT_TEST(DoesNotCountWaiting);
  CPPUNIT_TEST(TellsTheInnerOfTwoPiecesOfWork);
  CPPUNIT_TEST(ForgetsThreadsThatEnded);
  CPPUNIT_TEST_SUITE_END();

 public:
  void SeesNothingWhereNobodyWorks() { CPPUNIT_ASSERT(!Oldest().has_value()); }

  void TellsWhoWorksLongest() {
    const Working first("first");
    AwaitAge(std::chrono::milliseconds(2));
    std::thread([] {
      const Working second("second");
      CPPUNIT_ASSERT_EQUAL(std::string("first"), std::string(Oldest()->what));
    }).join();
  }

  void DoesNotCountWaiting() {
    const Working working("reading");
    AwaitAge(std::chrono::milliseconds(20));
    {
      const Waiting waiting;
      CPPUNIT_ASSERT(!Oldest().has_value());
    }
    CPPUNIT_ASSERT(Oldest()->since < std::chrono::milliseconds(20));
  }

  void TellsTheInnerOfTwoPiecesOfWork() {
    const Working outer("outer");
    AwaitAge(std::chrono::milliseconds(20));
    {
      const Working inner("inner");
      CPPUNIT_ASSERT_EQUAL(std::string("inner"), std::string(Oldest()->what));
    }
    const auto busy = Oldest();
    CPPUNIT_ASSERT_EQUAL(std::string("outer"), std::string(busy->what));
    CPPUNIT_ASSERT(busy->since < std::chrono::milliseconds(20));
  }

  void ForgetsThreadsThatEnded() {
    std::thread([] {
      const Working working("brief");
      CPPUNIT_ASSERT(Oldest().has_value());
    }).join();
    CPPUNIT_ASSERT(!Oldest().has_value());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProgressTest);

}  // namespace
}  // namespace hashpost::watchdog
