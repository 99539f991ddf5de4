#include "fcgi-worker/fcgi/connection.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "fcgi-worker/http/problem.h"
#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::fcgi {
namespace {

// Pins how libfcgi treats a descriptor that it is lent: the fields of FCGX_Request that we set are not
// promised by its header.
class ConnectionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConnectionTest);
  CPPUNIT_TEST(AnswersSeveralRequestsOnOneConnection);
  CPPUNIT_TEST(ReadsWhatAHandlerLeftOfTheBody);
  CPPUNIT_TEST(ReadsAllOfASpooledBodyHoweverLong);
  CPPUNIT_TEST(WritesHeadWithoutContent);
  CPPUNIT_TEST(StatesNoLengthWhereAStatusHasNoContent);
  CPPUNIT_TEST(ClosesWhenThePeerDoesNotKeepTheConnection);
  CPPUNIT_TEST(EndsWhenThePeerCloses);
  CPPUNIT_TEST(EndsOnWhatIsNotFastCgi);
  CPPUNIT_TEST(NoticesABodyThatEndsEarly);
  CPPUNIT_TEST(NoticesAStreamedBodyThatEndsEarlyOrLate);
  CPPUNIT_TEST(JoinsScriptNameAndPathInfo);
  CPPUNIT_TEST(KeepsFieldsInCgiSpelling);
  CPPUNIT_TEST(TakesNothingOfARequestForTheNextOne);
  CPPUNIT_TEST(KeepsItsDescriptorUntilItsEnd);
  CPPUNIT_TEST(HoldsAnAnswerUntilItsEndIfAskedTo);
  CPPUNIT_TEST(SaysThatAHeldAnswerWasCutOff);
  CPPUNIT_TEST(SaysThatAnAnswerCannotBeHeld);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    FCGX_Init();
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
    peer_ = io::UniqueFd(ends[0]);
    connection_ = std::make_unique<Connection>(io::UniqueFd(ends[1]));
  }
  void tearDown() override { connection_.reset(); }

  void AnswersSeveralRequestsOnOneConnection() {
    for (int i = 0; i < 3; ++i) {
      CPPUNIT_ASSERT(Send(peer_, RequestBytes("GET", "/" + std::to_string(i))));
      CPPUNIT_ASSERT(Read());
      CPPUNIT_ASSERT(connection_->inbound().request().path == "/" + std::to_string(i));
      Answer("answer");
      CPPUNIT_ASSERT(connection_->FinishRequest());
      CPPUNIT_ASSERT_EQUAL(std::string("Status: 200 OK\r\nContent-Length: 6\r\n\r\nanswer"),
                           ReadAnswer(peer_));
    }
  }

  void ReadsWhatAHandlerLeftOfTheBody() {
    CPPUNIT_ASSERT(Send(peer_, RequestBytes("POST", "/", std::string(50000, 'x'))));
    CPPUNIT_ASSERT(Read());
    Answer("refused");
    CPPUNIT_ASSERT(connection_->FinishRequest());
    CPPUNIT_ASSERT(Send(peer_, RequestBytes("GET", "/next")));
    CPPUNIT_ASSERT(Read());
    CPPUNIT_ASSERT(connection_->inbound().request().path == "/next");
  }

  void ReadsAllOfASpooledBodyHoweverLong() {
    const std::size_t size = 70U << 20U;
    const Params params = {{"REQUEST_METHOD", "POST"},
                           {"SCRIPT_NAME", "/"},
                           {"CONTENT_LENGTH", std::to_string(size)},
                           {"HASHPOST_SPOOLED", "1"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params)));
    CPPUNIT_ASSERT(Read());
    std::thread web_server([&] { (void)Send(peer_, StdinRecords(std::string(size, 'x'))); });
    Answer("refused");
    CPPUNIT_ASSERT(connection_->FinishRequest());
    web_server.join();
  }

  void WritesHeadWithoutContent() {
    CPPUNIT_ASSERT(Send(peer_, RequestBytes("HEAD", "/")));
    CPPUNIT_ASSERT(Read());
    Answer("answer");
    CPPUNIT_ASSERT(connection_->FinishRequest());
    CPPUNIT_ASSERT_EQUAL(std::string("Status: 200 OK\r\nContent-Length: 6\r\n\r\n"), ReadAnswer(peer_));
  }

  // RFC 9110 §8.6: of a 304, that would be the length of what a 200 had.
  void StatesNoLengthWhereAStatusHasNoContent() {
    for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
      for (const int status : {204, 304}) {
        CPPUNIT_ASSERT(Send(peer_, RequestBytes(method, "/")));
        CPPUNIT_ASSERT(Read());
        http::Response response;
        response.status = status;
        response.headers = {{"ETag", "\"a\""}};
        connection_->WriteAnswer(response);
        CPPUNIT_ASSERT(connection_->FinishRequest());
        CPPUNIT_ASSERT_EQUAL(status == 204 ? std::string("Status: 204 No Content\r\nETag: \"a\"\r\n\r\n")
                                           : std::string("Status: 304 Not Modified\r\nETag: \"a\"\r\n\r\n"),
                             ReadAnswer(peer_));
      }
    }
  }

  void ClosesWhenThePeerDoesNotKeepTheConnection() {
    const Params params = {{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(false) + ParamsRecords(params) + StdinRecords("")));
    CPPUNIT_ASSERT(Read());
    Answer("last");
    CPPUNIT_ASSERT(!connection_->FinishRequest());
  }

  void EndsWhenThePeerCloses() {
    peer_ = io::UniqueFd();
    CPPUNIT_ASSERT(!Read());
  }

  void EndsOnWhatIsNotFastCgi() {
    CPPUNIT_ASSERT(Send(peer_, "GET / HTTP/1.0\r\n\r\n"));
    ::shutdown(peer_.get(), SHUT_WR);
    CPPUNIT_ASSERT(!Read());
  }

  void NoticesAStreamedBodyThatEndsEarlyOrLate() {
    for (const char* body : {"12345", "1234567890123"}) {
      setUp();
      const Params params = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/"}, {"CONTENT_LENGTH", "10"}};
      CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params) + StdinRecords(body)));
      CPPUNIT_ASSERT(Read());
      connection_->StreamContent();
      std::array<char, 5> buffer{};
      const auto read_all = [&] {
        while (connection_->inbound().request().body->Read(buffer) > 0) {
        }
      };
      CPPUNIT_ASSERT_THROW(read_all(), http::BodyIncomplete);
    }
  }

  void NoticesABodyThatEndsEarly() {
    const Params params = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/"}, {"CONTENT_LENGTH", "10"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params) + StdinRecords("12345")));
    CPPUNIT_ASSERT(Read());
    std::array<char, 64> buffer{};
    CPPUNIT_ASSERT_THROW((void)connection_->inbound().request().body->Read(buffer), http::BodyIncomplete);
  }

  void JoinsScriptNameAndPathInfo() {
    for (const Params& params :
         {Params{{"SCRIPT_NAME", "/messages/a"}}, Params{{"SCRIPT_NAME", "/messages"}, {"PATH_INFO", "/a"}},
          Params{{"PATH_INFO", "/messages/a"}, {"SCRIPT_NAME", ""}},
          Params{{"PATH_INFO", "/a"}, {"SCRIPT_NAME", "/messages"}}}) {
      CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params) + StdinRecords("")));
      CPPUNIT_ASSERT(Read());
      CPPUNIT_ASSERT_EQUAL(std::string("/messages/a"), std::string(connection_->inbound().request().path));
      Answer("");
      CPPUNIT_ASSERT(connection_->FinishRequest());
    }
  }

  void KeepsFieldsInCgiSpelling() {
    const Params params = {{"HTTP_IF_NONE_MATCH", "\"a\""}, {"CONTENT_TYPE", "text/plain"},
                           {"CONTENT_LENGTH", "x"},         {"HTTP_CONTENT_TYPE", "application/json"},
                           {"HTTP_CONTENT_LENGTH", "5"},    {"HTTP_HASHPOST_SPOOLED", "1"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params) + StdinRecords("")));
    CPPUNIT_ASSERT(Read());
    const http::Request& request = connection_->inbound().request();
    CPPUNIT_ASSERT(request.Header("IF_NONE_MATCH") == "\"a\"");
    CPPUNIT_ASSERT(request.Header("CONTENT_TYPE") == "text/plain");
    CPPUNIT_ASSERT(!request.Header("ACCEPT").has_value());
    CPPUNIT_ASSERT(!request.content_length.has_value());
    CPPUNIT_ASSERT(!connection_->inbound().IsSpooled());
  }

  void TakesNothingOfARequestForTheNextOne() {
    const Params spooled = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/first"},
                            {"CONTENT_LENGTH", "0"},    {"HTTP_ACCEPT", "text/plain"},
                            {"HASHPOST_SPOOLED", "1"},  {"HASHPOST_ANSWER_LAST", "1"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(spooled) + StdinRecords("")));
    CPPUNIT_ASSERT(Read());
    CPPUNIT_ASSERT(connection_->inbound().IsSpooled());
    CPPUNIT_ASSERT(connection_->inbound().WantsAnswerLast());
    Answer("");
    CPPUNIT_ASSERT(connection_->FinishRequest());
    const Params bare = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/second"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(bare) + StdinRecords("")));
    CPPUNIT_ASSERT(Read());
    const http::Request& request = connection_->inbound().request();
    CPPUNIT_ASSERT(request.path == "/second");
    CPPUNIT_ASSERT(!request.content_length.has_value());
    CPPUNIT_ASSERT(!request.Header("ACCEPT").has_value());
    CPPUNIT_ASSERT(!connection_->inbound().IsSpooled());
    CPPUNIT_ASSERT(!connection_->inbound().WantsAnswerLast());
  }

  void KeepsItsDescriptorUntilItsEnd() {
    // libfcgi closes what broke; if it closed ours, the number could be somebody else's by now.
    peer_ = io::UniqueFd();
    const int number = connection_->fd();
    CPPUNIT_ASSERT(!Read());
    CPPUNIT_ASSERT(::fcntl(number, F_GETFD) >= 0);
    connection_.reset();
    CPPUNIT_ASSERT(::fcntl(number, F_GETFD) < 0);
  }

  void HoldsAnAnswerUntilItsEndIfAskedTo() {
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{100'000}}) {
      http::ResponseStream& answer = BeginHeld();
      const std::string half(size / 2, 'x');
      for (int i = 0; i < 2; ++i) {
        answer.Write(half);
        CPPUNIT_ASSERT(answer.Flush());
      }
      CPPUNIT_ASSERT(NothingCame());
      CPPUNIT_ASSERT(connection_->FinishRequest());
      CPPUNIT_ASSERT_EQUAL(
          "Status: 200 OK\r\nA: b\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + half + half,
          ReadAnswer(peer_));
      CPPUNIT_ASSERT(std::filesystem::is_empty(folder_.path()));
    }
  }

  void SaysThatAHeldAnswerWasCutOff() {
    BeginHeld().Write("taken");
    connection_->CutAnswer();
    const std::string answer = ReadAnswer(peer_);
    CPPUNIT_ASSERT(answer.starts_with("Status: 503 "));
    CPPUNIT_ASSERT(answer.find("/problems/upload-broken-off") != std::string::npos);
    CPPUNIT_ASSERT(answer.find("taken") == std::string::npos);
  }

  void SaysThatAnAnswerCannotBeHeld() {
    http::ResponseStream& answer = BeginHeld();
    std::filesystem::remove_all(folder_.path());
    CPPUNIT_ASSERT_THROW(answer.Write(std::string(1'000'000, 'x')), std::system_error);
    connection_->CutAnswer();
    CPPUNIT_ASSERT(ReadAnswer(peer_).starts_with("Status: 503 "));
  }

 private:
  [[nodiscard]] http::ResponseStream& BeginHeld() {
    const Params params = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/"}, {"HASHPOST_ANSWER_LAST", "1"}};
    CPPUNIT_ASSERT(Send(peer_, BeginRecord(true) + ParamsRecords(params) + StdinRecords("")));
    CPPUNIT_ASSERT(Read());
    http::Response head;
    head.headers = {{"A", "b"}};
    http::ResponseStream& answer = connection_->BeginAnswer(head, folder_.path());
    CPPUNIT_ASSERT(answer.Held());  // so that whoever writes it can bound it
    return answer;
  }
  [[nodiscard]] bool NothingCame() const {
    char byte = 0;
    return ::recv(peer_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }
  [[nodiscard]] bool Read() {
    const Preview preview = connection_->PreviewRequest();
    return preview.head == Head::kWhole && connection_->ReadRequest(preview.content_ended);
  }
  void Answer(const std::string& content) {
    http::Response response;
    response.content = content;
    connection_->WriteAnswer(response);
  }

  TempFolder folder_;
  io::UniqueFd peer_;
  std::unique_ptr<Connection> connection_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConnectionTest);

}  // namespace
}  // namespace hashpost::fcgi
