// What becomes of the content of a request that does not want it, and of the next request on the connection.

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>
#include <string>

#include "tests/unit/fcgi-worker/fcgi/server_fixture.h"

namespace hashpost::fcgi {
namespace {

class ServerContentTest : public ServerFixture {
  CPPUNIT_TEST_SUITE(ServerContentTest);
  CPPUNIT_TEST(LeavesTheNextRequestAloneAfterItRefusedOne);
  CPPUNIT_TEST(LetsThePeerSendOnUntilItHasReadTheAnswer);
  CPPUNIT_TEST(AwaitsAShortContentBeforeItRefuses);
  CPPUNIT_TEST(ClosesAConnectionWhoseContentHasNoEnd);
  CPPUNIT_TEST(AnswersBeforeAContentWithoutEndWhereThePeerKeepsNoConnection);
  CPPUNIT_TEST_SUITE_END();

 public:
  void LeavesTheNextRequestAloneAfterItRefusedOne() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      // On every lane: unspooled content of known length, of unknown length, and a method that has no use for
      // it.
      const std::string length = std::to_string(100'000);
      for (const Params& params :
           {Params{{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/refuse"}, {"CONTENT_LENGTH", length}},
            Params{{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/refuse"}},
            Params{{"REQUEST_METHOD", "DELETE"}, {"SCRIPT_NAME", "/refuse"}, {"CONTENT_LENGTH", length}},
            Params{{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/refuse"}}}) {
        CPPUNIT_ASSERT(Send(
            client, BeginRecord(true) + ParamsRecords(params) + Record(kStdin, std::string(50'000, 'x'))));
        CPPUNIT_ASSERT(!Readable(client, milliseconds(20)));  // its end would let the next request come
        CPPUNIT_ASSERT(Send(client, Record(kStdin, std::string(50'000, 'x')) + Record(kStdin, "")));
        CPPUNIT_ASSERT_EQUAL(std::string("refused"), Content(ReadAnswer(client)));
        CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/next")));
        CPPUNIT_ASSERT_EQUAL(std::string("first /next 0"), Content(ReadAnswer(client)));
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void LetsThePeerSendOnUntilItHasReadTheAnswer() {
    const auto server = Start(first_);
    for (const char* method : {"POST", "PUT", "DELETE", "GET"}) {
      const io::UniqueFd client = pool_.Connect();
      const Params params = {
          {"REQUEST_METHOD", method}, {"SCRIPT_NAME", "/refuse"}, {"CONTENT_LENGTH", "1000000"}};
      CPPUNIT_ASSERT(Send(client, BeginRecord(false) + ParamsRecords(params) + Record(kStdin, "x")));
      CPPUNIT_ASSERT(Readable(client, kPlenty));
      // Apache does the same: a failed write is 503 to it, though the answer lies there.
      for (int sent = 0; sent < 20; ++sent) {
        CPPUNIT_ASSERT(Send(client, Record(kStdin, std::string(49'999, 'x'))));
      }
      CPPUNIT_ASSERT_EQUAL(std::string("refused"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void AwaitsAShortContentBeforeItRefuses() {
    const auto server = Start(first_);
    for (const bool comes : {true, false}) {
      const io::UniqueFd client = pool_.Connect();
      const Params params = {
          {"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/refuse"}, {"CONTENT_LENGTH", "10"}};
      CPPUNIT_ASSERT(Send(client, BeginRecord(false) + ParamsRecords(params) + Record(kStdin, "12345")));
      if (comes) {
        CPPUNIT_ASSERT(!Readable(client, milliseconds(20)));
        CPPUNIT_ASSERT(Send(client, Record(kStdin, "67890") + Record(kStdin, "")));
      }
      CPPUNIT_ASSERT_EQUAL(std::string("refused"), Content(ReadAnswer(client)));  // a second later otherwise
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void ClosesAConnectionWhoseContentHasNoEnd() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, UploadHead("/refuse")));
      const std::string record = Record(kStdin, std::string(60'000, 'x'));
      for (int sent = 0; sent < 2000; ++sent) {  // 120 MB, were it taken
        if (!Send(client, record)) break;
      }
      CPPUNIT_ASSERT_THROW(ReadAnswer(client), std::runtime_error);  // given, but for its end
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void AnswersBeforeAContentWithoutEndWhereThePeerKeepsNoConnection() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      const Params params = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/refuse"}};
      CPPUNIT_ASSERT(Send(client, BeginRecord(false) + ParamsRecords(params) + Record(kStdin, "x")));
      CPPUNIT_ASSERT_EQUAL(std::string("refused"), Content(ReadAnswer(client)));
      // What the client still sends disturbs nobody until its end.
      CPPUNIT_ASSERT(Send(client, Record(kStdin, std::string(50'000, 'x')) + Record(kStdin, "")));
      CPPUNIT_ASSERT(AwaitClosed(client));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerContentTest);

}  // namespace
}  // namespace hashpost::fcgi
