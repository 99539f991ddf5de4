// What slow clients cost others.

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/fcgi-worker/fcgi/server_fixture.h"

namespace hashpost::fcgi {
namespace {

class ServerSlowTest : public ServerFixture {
  CPPUNIT_TEST_SUITE(ServerSlowTest);
  CPPUNIT_TEST(ServesOthersBesideSlowBodiesThatNobodySpooled);
  CPPUNIT_TEST(FreesAnIoThreadFromContentThatWasCalledSpooled);
  CPPUNIT_TEST(CutsAReaderThatNeverReads);
  CPPUNIT_TEST(GivesThePlaceOfASlowUploadToWhoeverNeedsIt);
  CPPUNIT_TEST(RefusesUploadsThatFindNoPlaceInTime);
  CPPUNIT_TEST(ServesOthersWhileManyReadersAreStuck);
  CPPUNIT_TEST(CutsARequestThatNeverArrivesWhole);
  CPPUNIT_TEST_SUITE_END();

 public:
  void ServesOthersBesideSlowBodiesThatNobodySpooled() {
    const auto server = Start(first_);
    {
      std::vector<io::UniqueFd> slow;  // more than there are threads of any kind
      for (const char* method : {"POST", "DELETE", "GET", "POST", "PUT"}) {
        slow.push_back(pool_.Connect());
        const Params params = {{"REQUEST_METHOD", method}, {"SCRIPT_NAME", "/a"}, {"CONTENT_LENGTH", "10"}};
        CPPUNIT_ASSERT(
            Send(slow.back(), BeginRecord(true) + ParamsRecords(params) + Record(kStdin, "12345")));
      }
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/b")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /b 0"), Content(ReadAnswer(client)));
      CPPUNIT_ASSERT(Send(client, RequestBytes("POST", "/b", std::string(100'000, 'x'))));
      while (!Readable(client, milliseconds(5))) server->Tick(Server::Clock::now(), kHour);
      CPPUNIT_ASSERT_EQUAL(std::string("first /b 100000"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void FreesAnIoThreadFromContentThatWasCalledSpooled() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      const Params params = {{"REQUEST_METHOD", "POST"},
                             {"SCRIPT_NAME", "/a"},
                             {"CONTENT_LENGTH", "10"},
                             {"HASHPOST_SPOOLED", "1"}};
      CPPUNIT_ASSERT(Send(client, BeginRecord(true) + ParamsRecords(params) + Record(kStdin, "12345")));
      server->Tick(Server::Clock::now(), kHour);
      CPPUNIT_ASSERT(!Readable(client, milliseconds(20)));
      while (!Readable(client, milliseconds(5))) {
        server->Tick(Server::Clock::now() + std::chrono::seconds(4), kHour);
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void CutsAReaderThatNeverReads() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/big")));
      CPPUNIT_ASSERT(Readable(client, kPlenty));
      const auto limit = std::chrono::seconds(60 + 2'000'000 / 16384);
      server->Tick(Server::Clock::now() + limit - std::chrono::seconds(20), kHour);
      CPPUNIT_ASSERT(!HungUp(client));
      server->Tick(Server::Clock::now() + limit + std::chrono::seconds(1), kHour);
      CPPUNIT_ASSERT(HungUp(client));
      CPPUNIT_ASSERT_THROW(ReadAnswer(client), std::runtime_error);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void GivesThePlaceOfASlowUploadToWhoeverNeedsIt() {
    const auto server = Start(first_);
    {
      std::vector<io::UniqueFd> slow;
      for (int i = 0; i < 2; ++i) {
        slow.push_back(pool_.Connect());
        CPPUNIT_ASSERT(Send(slow.back(), UploadHead("/echo")));
      }
      // As long as nobody else comes, they may be slow.
      for (int second = 0; second < 10; ++second) {
        for (const io::UniqueFd& client : slow) {
          CPPUNIT_ASSERT(Send(client, Record(kStdin, "x")));
          while (!ReadPiece(client).ends_with("x")) {
          }
        }
        server->Tick(Server::Clock::now(), kHour);
      }
      const io::UniqueFd next = pool_.Connect();
      CPPUNIT_ASSERT(Send(next, UploadHead("/echo") + Record(kStdin, "z") + Record(kStdin, "")));
      while (!Readable(next, milliseconds(5))) server->Tick(Server::Clock::now(), kHour);
      CPPUNIT_ASSERT_EQUAL(std::string("z"), Content(ReadAnswer(next)));
      CPPUNIT_ASSERT_EQUAL(1, HungUp(slow[0]) + HungUp(slow[1]));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void RefusesUploadsThatFindNoPlaceInTime() {
    const auto server = Start(first_);
    {
      std::vector<io::UniqueFd> clients;
      for (int i = 0; i < 2; ++i) {
        clients.push_back(pool_.Connect());
        CPPUNIT_ASSERT(Send(clients.back(), UploadHead("/block") + Record(kStdin, "")));
      }
      first_.AwaitBlocked(2);
      const io::UniqueFd third = pool_.Connect();
      CPPUNIT_ASSERT(Send(third, UploadHead("/echo") + Record(kStdin, "")));
      server->Tick(Server::Clock::now(), kHour);
      CPPUNIT_ASSERT(!Readable(third, milliseconds(20)));  // a place may become free in a moment
      while (!Readable(third, milliseconds(5))) {
        server->Tick(Server::Clock::now() + std::chrono::seconds(4), kHour);
      }
      CPPUNIT_ASSERT(ReadAnswer(third).starts_with("Status: 503 "));
      CPPUNIT_ASSERT(Send(third, RequestBytes("POST", "/small", "x")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /small 1"), Content(ReadAnswer(third)));
      first_.Release();
      for (const io::UniqueFd& client : clients) {
        CPPUNIT_ASSERT_EQUAL(std::string("unblocked"), Content(ReadAnswer(client)));
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void ServesOthersWhileManyReadersAreStuck() {
    const auto server = Start(first_);
    {
      std::vector<io::UniqueFd> stuck;  // ask for much and read nothing
      for (int i = 0; i < 10; ++i) {
        stuck.push_back(pool_.Connect());
        CPPUNIT_ASSERT(Send(stuck.back(), RequestBytes("GET", "/big")));
      }
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/small")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /small 0"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void CutsARequestThatNeverArrivesWhole() {
    const auto server = Start(first_);
    const std::string request = RequestBytes("POST", "/a", "body");
    for (const std::size_t sent : {std::size_t{4}, std::size_t{20}, request.size() - 12}) {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, request.substr(0, sent)));
      CPPUNIT_ASSERT(!Readable(client, milliseconds(20)));
      server->Tick(Server::Clock::now(), kHour);
      CPPUNIT_ASSERT(!Readable(client, milliseconds(20)));
      // Once the worker has begun to read, which nothing shows from outside.
      while (!Readable(client, milliseconds(5))) server->Tick(Server::Clock::now() + kHour, kHour / 2);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerSlowTest);

}  // namespace
}  // namespace hashpost::fcgi
