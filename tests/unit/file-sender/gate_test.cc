#include "file-sender/gate.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace hashpost::sender {
namespace {

class GateTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(GateTest);
  CPPUNIT_TEST(IsOpenAtFirst);
  CPPUNIT_TEST(OpensForAllWhenOneProbeWorks);
  CPPUNIT_TEST(GivesUpAtOnceUnlessItIsPatient);
  CPPUNIT_TEST(GivesUpAtAStop);
  CPPUNIT_TEST_SUITE_END();

 public:
  void IsOpenAtFirst() {
    Gate gate(true);
    CPPUNIT_ASSERT(gate.Pass(stop_.get_token(), NeverAsked));
  }

  void OpensForAllWhenOneProbeWorks() {
    Gate gate(true);
    gate.Shut("It is away (a test).");
    std::atomic<int> probes = 0;
    std::atomic<int> probing = 0;
    std::atomic<int> passed = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          passed += gate.Pass(stop_.get_token(), [&]() -> std::optional<std::string> {
            CPPUNIT_ASSERT_EQUAL(1, ++probing);
            --probing;
            if (++probes == 1) return "Still away.";
            return std::nullopt;
          });
        });
      }
    }
    CPPUNIT_ASSERT_EQUAL(4, passed.load());
    CPPUNIT_ASSERT_EQUAL(2, probes.load());
    CPPUNIT_ASSERT(gate.Pass(stop_.get_token(), NeverAsked));
  }

  void GivesUpAtOnceUnlessItIsPatient() {
    Gate gate(false);
    gate.Shut("It is away (a test).");
    CPPUNIT_ASSERT(!gate.Pass(stop_.get_token(), NeverAsked));
  }

  void GivesUpAtAStop() {
    Gate gate(true);
    gate.Shut("It is away (a test).");
    std::jthread waits([&] { CPPUNIT_ASSERT(!gate.Pass(stop_.get_token(), NeverAsked)); });
    stop_.request_stop();
  }

 private:
  static std::optional<std::string> NeverAsked() {
    CPPUNIT_FAIL("nobody needs to try");
    return std::nullopt;
  }

  std::stop_source stop_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(GateTest);

}  // namespace
}  // namespace hashpost::sender
