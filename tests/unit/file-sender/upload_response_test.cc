#include "file-sender/upload_response.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace hashpost::sender {
namespace {

// What every receiver says, with a status of its own.
const std::string kOwn = R"({"msg": "no key fits", "status_code": 400})";

UploadResult Judge(int status, const std::string& body = kOwn, int retry_after = 0) {
  return JudgeAnswer({.status = status, .body = body, .retry_after = std::chrono::seconds(retry_after)});
}

class UploadResponseTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(UploadResponseTest);
  CPPUNIT_TEST(TakesOnly201ForDelivered);
  CPPUNIT_TEST(TakesOnlyWhatAReceiverSaysForItsVerdict);
  CPPUNIT_TEST(SaysWhereARedirectLeads);
  CPPUNIT_TEST(TellsWhatSealingAgainCures);
  CPPUNIT_TEST(DoesNotTakeAWebServersWordForTheReceivers);
  CPPUNIT_TEST(QuotesWhatTheReceiverSays);
  CPPUNIT_TEST(WaitsAsTheReceiverAsksWithinABound);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesOnly201ForDelivered() {
    CPPUNIT_ASSERT(Judge(201).kind == UploadKind::kAccepted);
    for (const int status : {200, 202, 204, 301, 302, 408, 425, 429, 500, 502, 503, 504, 507}) {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(status), Judge(status).kind == UploadKind::kFailed);
    }
    for (const int status : {400, 401, 403, 404, 405, 411, 413, 415, 422}) {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(status), Judge(status).kind == UploadKind::kRefused);
    }
  }

  void TakesOnlyWhatAReceiverSaysForItsVerdict() {
    const std::vector<std::string> foreign = {"",
                                              "{}",
                                              "<html>Not here</html>",
                                              R"({"detail": "Not Found"})",
                                              R"({"msg": "no such route"})",
                                              R"({"status_code": 404})",
                                              R"({"msg": 404, "status_code": 404})",
                                              R"({"msg": "no", "status_code": "404"})",
                                              R"({"error": {"msg": "no", "status_code": 404}})",
                                              R"({"msg": "no", "status_code": 404} and more)"};
    for (const std::string& body : foreign) {
      for (const int status : {400, 403, 404, 409}) {
        const UploadResult result = Judge(status, body);
        CPPUNIT_ASSERT_MESSAGE(body, result.kind == UploadKind::kFailed);
        CPPUNIT_ASSERT(result.message.find("not how a receiver responds") != std::string::npos);
      }
    }
  }

  void SaysWhereARedirectLeads() {
    const UploadResult result =
        JudgeAnswer({.status = 302, .body = "", .location = "https://drop.example/upload/\x1b[2Ja"});
    CPPUNIT_ASSERT(result.kind == UploadKind::kFailed);
    CPPUNIT_ASSERT(result.message.find("It redirects to https://drop.example/upload/\ufffd[2Ja, ") !=
                   std::string::npos);
  }

  void TellsWhatSealingAgainCures() {
    CPPUNIT_ASSERT(Judge(409).kind == UploadKind::kStale);
    CPPUNIT_ASSERT(
        Judge(400, R"({"msg": "too old", "status_code": 400, "type": "/problems/token-time"})").kind ==
        UploadKind::kStale);
    CPPUNIT_ASSERT(
        Judge(400, R"({"type": "https://drop.example/x/problems/token-time", "msg": "", "status_code": 400})")
            .kind == UploadKind::kStale);
    CPPUNIT_ASSERT(
        Judge(400, R"({"msg": "no key fits", "status_code": 400, "type": "/problems/bad-token"})").kind ==
        UploadKind::kRefused);
    CPPUNIT_ASSERT(Judge(201, R"({"type": "/problems/token-time"})").kind == UploadKind::kAccepted);
  }

  void DoesNotTakeAWebServersWordForTheReceivers() {
    // As an Apache or nginx of Hashpost's says it to plain HTTP on its TLS port.
    CPPUNIT_ASSERT(
        Judge(400, R"({"msg": "not well-formed HTTP", "status_code": 400, "type": "/problems/bad-request"})")
            .kind == UploadKind::kFailed);
  }

  void QuotesWhatTheReceiverSays() {
    CPPUNIT_ASSERT_EQUAL(std::string("saved \u00fc"),
                         Judge(201, R"({"status_code": 201, "msg": "saved \u00fc"})").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 400: no key fits"), Judge(400).message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 507: no room"), Judge(507, R"({"detail": "no room"})").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 502: <html>"), Judge(502, "<html>").message);
    CPPUNIT_ASSERT_EQUAL(std::string("status 500: "), Judge(500, "").message);
    CPPUNIT_ASSERT(Judge(500, std::string(100'000, 'x')).message.size() < 600);
  }

  void WaitsAsTheReceiverAsksWithinABound() {
    CPPUNIT_ASSERT(Judge(503, "", 7).wait_at_least == std::chrono::seconds(7));
    CPPUNIT_ASSERT(Judge(503, "", 1'000'000).wait_at_least == std::chrono::seconds(300));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UploadResponseTest);

}  // namespace
}  // namespace hashpost::sender
