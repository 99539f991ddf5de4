#include "fcgi-worker/http/problem.h"

#include <cppunit/extensions/HelperMacros.h>

namespace hashpost::http {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string>>;

class ProblemTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ProblemTest);
  CPPUNIT_TEST(AnswersWithTheMembersThatClientsRead);
  CPPUNIT_TEST(CarriesItsOwnHeaders);
  CPPUNIT_TEST(StaysJsonWhateverTheSentenceHolds);
  CPPUNIT_TEST(TravelsInAnHttpError);
  CPPUNIT_TEST_SUITE_END();

 public:
  void AnswersWithTheMembersThatClientsRead() {
    const Response response = ToResponse({404, "message-not-found", "Message not found", "Not here.", {}});
    CPPUNIT_ASSERT_EQUAL(404, response.status);
    CPPUNIT_ASSERT_EQUAL(
        std::string(R"({"type":"/problems/message-not-found","title":"Message not found","status":404,)"
                    R"("detail":"Not here.","err_msg":"Not here."})"),
        response.content);
    const Headers expected = {{"Content-Type", "application/problem+json"}, {"Cache-Control", "no-store"}};
    CPPUNIT_ASSERT(expected == response.headers);
    const Response longer = ToResponse({404, "a", "A", "Not here.", {}}, R"("msg":"b")");
    CPPUNIT_ASSERT_MESSAGE(longer.content, longer.content.ends_with(R"("err_msg":"Not here.","msg":"b"})"));
    CPPUNIT_ASSERT(response.streamed == nullptr);
  }

  void CarriesItsOwnHeaders() {
    const Response response =
        ToResponse({405, "method-not-allowed", "Method not allowed", "Use GET.", {{"Allow", "GET, HEAD"}}});
    CPPUNIT_ASSERT(
        (response.headers.back() == std::pair<std::string_view, std::string>("Allow", "GET, HEAD")));
  }

  void StaysJsonWhateverTheSentenceHolds() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"a \"quote\" \\ \n", R"("err_msg":"a \"quote\" \\ \n"})"},
        {"\u20ac", "\"err_msg\":\"\u20ac\"}"},
        {"a\xFFz", "\"err_msg\":\"a\uFFFDz\"}"},
        {"\xFF", "\"err_msg\":\"\uFFFD\"}"},
        {"", R"("err_msg":""})"},
    };
    for (const auto& [sentence, end] : cases) {
      const Response response = ToResponse({400, "malformed-json", "Malformed JSON", sentence, {}});
      CPPUNIT_ASSERT_MESSAGE(response.content, response.content.ends_with(end));
    }
  }

  void TravelsInAnHttpError() {
    const HttpError error({503, "busy", "Busy", "Try again.", {{"Retry-After", "1"}}});
    CPPUNIT_ASSERT_EQUAL(std::string("Try again."), std::string(error.what()));
    CPPUNIT_ASSERT_EQUAL(503, error.problem().status);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ProblemTest);

}  // namespace
}  // namespace hashpost::http
