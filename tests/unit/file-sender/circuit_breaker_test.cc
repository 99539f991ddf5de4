#include "file-sender/circuit_breaker.h"

#include <cppunit/extensions/HelperMacros.h>

#include <future>
#include <memory>
#include <optional>
#include <string>

namespace hashpost::sender {
namespace {

using std::chrono::seconds;

class CircuitBreakerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CircuitBreakerTest);
  CPPUNIT_TEST(LetsAllGoWhileSomeFilesFare);
  CPPUNIT_TEST(IsNotOpenedByOneFileAgainAndAgain);
  CPPUNIT_TEST(PutsFilesOffWhenNoneIsTaken);
  CPPUNIT_TEST(LetsOneFileTryAtATime);
  CPPUNIT_TEST(HeedsThePauseThatTheReceiverAsksFor);
  CPPUNIT_TEST(GivesUpWaitingAtAStop);
  CPPUNIT_TEST_SUITE_END();

 public:
  void LetsAllGoWhileSomeFilesFare() {
    for (int i = 0; i < 20; ++i) {
      Fail(std::to_string(i));
      if (i % 3 == 2) breaker_.Worked();
      CPPUNIT_ASSERT(MayGo());
    }
    CPPUNIT_ASSERT_EQUAL(0U, breaker_.failures());
  }

  void IsNotOpenedByOneFileAgainAndAgain() {
    for (int i = 0; i < 20; ++i) Fail("a");
    CPPUNIT_ASSERT(MayGo());
  }

  void PutsFilesOffWhenNoneIsTaken() {
    Open(seconds(0));
    const auto delay = breaker_.Ask(stop_.get_token()).delay();
    CPPUNIT_ASSERT(delay && *delay <= seconds(1));
    Fail("e");
    CPPUNIT_ASSERT_EQUAL(2U, breaker_.failures());
    breaker_.Worked();
    CPPUNIT_ASSERT(MayGo() && MayGo());
  }

  void LetsOneFileTryAtATime() {
    Open(seconds(0));
    std::future<std::optional<std::chrono::milliseconds>> other;
    {
      const auto trial = AwaitTrial();
      other = std::async(std::launch::async, [&] { return breaker_.Ask(stop_.get_token()).delay(); });
      CPPUNIT_ASSERT(other.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout);
      Fail("e", seconds(100));
    }
    CPPUNIT_ASSERT(other.get() > seconds(50));
    breaker_.Worked();
    CPPUNIT_ASSERT(MayGo());
  }

  void HeedsThePauseThatTheReceiverAsksFor() {
    Open(seconds(100));
    CPPUNIT_ASSERT(breaker_.Ask(stop_.get_token()).delay() > seconds(50));
  }

  void GivesUpWaitingAtAStop() {
    Open(seconds(0));
    const auto trial = AwaitTrial();
    auto other = std::async(std::launch::async, [&] { return breaker_.Ask(stop_.get_token()).delay(); });
    stop_.request_stop();
    CPPUNIT_ASSERT(!other.get());
  }

 private:
  void Fail(const std::string& name, seconds wait = seconds(0)) {
    breaker_.Failed(name, "status 503: it takes none (a test).", wait);
  }

  void Open(seconds wait) {
    for (const char* name : {"a", "b", "c", "d"}) Fail(name, wait);
  }

  bool MayGo() { return !breaker_.Ask(stop_.get_token()).delay(); }

  // The leave of the one file that may be tried, once the pause is over.
  std::unique_ptr<CircuitBreaker::Leave> AwaitTrial() {
    for (;;) {
      std::unique_ptr<CircuitBreaker::Leave> leave(
          new CircuitBreaker::Leave(breaker_.Ask(stop_.get_token())));
      if (!leave->delay()) return leave;
    }
  }

  CircuitBreaker breaker_;
  std::stop_source stop_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CircuitBreakerTest);

}  // namespace
}  // namespace hashpost::sender
