#include "file-sender/upload_answer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace hashpost::sender {
namespace {

using Kind = UploadResult::Kind;

UploadResult Judge(int status, const std::string& body = "{}", int retry_after = 0) {
  return JudgeAnswer(status, body, std::chrono::seconds(retry_after));
}

class UploadAnswerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(UploadAnswerTest);
  CPPUNIT_TEST(TakesOnly201ForDelivered);
  CPPUNIT_TEST(TellsWhatSealingAgainCures);
  CPPUNIT_TEST(QuotesWhatTheReceiverSays);
  CPPUNIT_TEST(WaitsAsTheReceiverAsksWithinABound);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesOnly201ForDelivered() {
    CPPUNIT_ASSERT(Judge(201).kind == Kind::kAccepted);
    for (const int status : {200, 202, 204, 301, 302, 408, 425, 429, 500, 502, 503, 504, 507}) {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(status), Judge(status).kind == Kind::kFailed);
    }
    for (const int status : {400, 401, 403, 404, 405, 411, 413, 415, 422}) {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(status), Judge(status).kind == Kind::kRefused);
    }
  }

  void TellsWhatSealingAgainCures() {
    CPPUNIT_ASSERT(Judge(409).kind == Kind::kStale);
    CPPUNIT_ASSERT(Judge(400, R"({"msg": "too old", "type": "/problems/token-time"})").kind == Kind::kStale);
    CPPUNIT_ASSERT(Judge(400, R"({"type": "https://drop.example/x/problems/token-time"})").kind ==
                   Kind::kStale);
    CPPUNIT_ASSERT(Judge(400, R"({"msg": "no key fits", "type": "/problems/bad-token"})").kind ==
                   Kind::kRefused);
    CPPUNIT_ASSERT(Judge(201, R"({"type": "/problems/token-time"})").kind == Kind::kAccepted);
  }

  void QuotesWhatTheReceiverSays() {
    CPPUNIT_ASSERT_EQUAL(std::string("saved \u00fc"),
                         Judge(201, R"({"status_code": 201, "msg": "saved \u00fc"})").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 400: no key fits"),
                         Judge(400, R"({"msg": "no key fits"})").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 413: too big"), Judge(413, R"({"detail": "too big"})").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 502: <html>"), Judge(502, "<html>").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 500: "), Judge(500, "").message);
    CPPUNIT_ASSERT(Judge(500, std::string(100'000, 'x')).message.size() < 600);
  }

  void WaitsAsTheReceiverAsksWithinABound() {
    CPPUNIT_ASSERT(Judge(503, "", 7).wait_at_least == std::chrono::seconds(7));
    CPPUNIT_ASSERT(Judge(503, "", 1'000'000).wait_at_least == std::chrono::seconds(300));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UploadAnswerTest);

}  // namespace
}  // namespace hashpost::sender
