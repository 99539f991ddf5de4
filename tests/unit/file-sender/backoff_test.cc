#include "file-sender/backoff.h"

#include <cppunit/extensions/HelperMacros.h>

#include <set>

namespace hashpost::sender {
namespace {

class BackoffTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BackoffTest);
  CPPUNIT_TEST(DoublesUpToTheBoundLessARandomPart);
  CPPUNIT_TEST_SUITE_END();

 public:
  void DoublesUpToTheBoundLessARandomPart() {
    std::set<std::chrono::milliseconds::rep> seen;
    for (const unsigned failures : {1U, 2U, 3U, 9U, 10U, 100U, 4'000'000'000U}) {
      const long whole = failures < 9 ? 1000L << (failures - 1) : failures == 9 ? 256'000 : 300'000;
      for (int i = 0; i < 100; ++i) {
        const auto pause = Backoff(failures, std::chrono::seconds(300)).count();
        CPPUNIT_ASSERT(pause >= whole / 2 && pause <= whole);
        seen.insert(pause);
      }
    }
    CPPUNIT_ASSERT(seen.size() > 100);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BackoffTest);

}  // namespace
}  // namespace hashpost::sender
