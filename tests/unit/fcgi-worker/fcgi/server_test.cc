#include "fcgi-worker/fcgi/server.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/unit/fcgi-worker/fcgi/server_fixture.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::fcgi {
namespace {

class ServerTest : public ServerFixture {
  CPPUNIT_TEST_SUITE(ServerTest);
  CPPUNIT_TEST(ServesKeptConnectionsManyAtATime);
  CPPUNIT_TEST(ServesBigBodiesAndBigAnswers);
  CPPUNIT_TEST(AnswersAnyNumberOfRequestsWithBigResponses);
  CPPUNIT_TEST(AnswersAnUploadWhileItIsRead);
  CPPUNIT_TEST(CutsAnUploadThatItsHandlerCuts);
  CPPUNIT_TEST(AnswersWhatAHandlerDropped);
  CPPUNIT_TEST(CutsWhatAHandlerBeganAndDropped);
  CPPUNIT_TEST(TakesARequestThatComesInPieces);
  CPPUNIT_TEST(RefusesAHeadThatIsTooLargeAndKeepsTheConnection);
  CPPUNIT_TEST(TellsConnectionsOverItsLimitThatItIsBusy);
  CPPUNIT_TEST(AsksForTheEndOfConnectionsWhileTheClosingFileIsThere);
  CPPUNIT_TEST(SaysWhenItGetsNoThreads);
  CPPUNIT_TEST(RefusesADescriptorThatDoesNotListen);
  CPPUNIT_TEST_SUITE_END();

 public:
  void ServesKeptConnectionsManyAtATime() {
    const auto server = Start(first_);
    std::vector<std::thread> clients;
    std::atomic<int> right = 0;
    for (int c = 0; c < 8; ++c) {
      clients.emplace_back([&, c] {
        const io::UniqueFd client = pool_.Connect();
        for (int i = 0; i < 50; ++i) {
          const std::string path = "/" + std::to_string(c) + "/" + std::to_string(i);
          Send(client,
               i % 2 == 0 ? RequestBytes("GET", path) : RequestBytes("POST", path, std::string(300, 'x')));
          if (Content(ReadAnswer(client)) == "first " + path + (i % 2 == 0 ? " 0" : " 300")) ++right;
        }
      });
    }
    for (std::thread& client : clients) client.join();
    CPPUNIT_ASSERT_EQUAL(400, right.load());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void ServesBigBodiesAndBigAnswers() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("POST", "/upload", std::string(3'000'000, 'u'))));
      CPPUNIT_ASSERT_EQUAL(std::string("first /upload 3000000"), Content(ReadAnswer(client)));
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/big")));
      CPPUNIT_ASSERT_EQUAL(std::size_t{2'000'000}, Content(ReadAnswer(client)).size());
      CPPUNIT_ASSERT(Send(client, RequestBytes("HEAD", "/big")));
      CPPUNIT_ASSERT_EQUAL(std::size_t{0}, Content(ReadAnswer(client)).size());
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void AnswersAnyNumberOfRequestsWithBigResponses() {
    const auto server = Start(first_);
    {
      std::vector<io::UniqueFd> clients;
      for (int i = 0; i < 100; ++i) clients.push_back(pool_.Connect());
      for (const io::UniqueFd& client : clients) CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/long")));
      for (const io::UniqueFd& client : clients) {
        CPPUNIT_ASSERT_EQUAL(std::string("late"), Content(ReadAnswer(client)));
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void AnswersAnUploadWhileItIsRead() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      for (int round = 0; round < 2; ++round) {  // the connection is kept
        CPPUNIT_ASSERT(Send(client, UploadHead("/echo")));
        std::string answer;
        for (const char* piece : {"first", "second", "third"}) {
          CPPUNIT_ASSERT(Send(client, Record(kStdin, piece)));
          while (!answer.ends_with(piece)) answer += ReadPiece(client);
        }
        CPPUNIT_ASSERT(Send(client, Record(kStdin, "")));
        answer += ReadAnswer(client);
        CPPUNIT_ASSERT_EQUAL(std::string("firstsecondthird"), Content(answer));
        CPPUNIT_ASSERT(answer.find("Content-Length") == std::string::npos);
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void CutsAnUploadThatItsHandlerCuts() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, UploadHead("/echo") + Record(kStdin, "cut") + Record(kStdin, "")));
      CPPUNIT_ASSERT_THROW(ReadAnswer(client), std::runtime_error);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  // Its end must not look like that of a whole answer.
  void CutsWhatAHandlerBeganAndDropped() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/begin-and-drop")));
      CPPUNIT_ASSERT_THROW(ReadAnswer(client), std::runtime_error);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void AnswersWhatAHandlerDropped() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/drop")));
      CPPUNIT_ASSERT(ReadAnswer(client).starts_with("Status: 500 "));
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/next")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /next 0"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void TakesARequestThatComesInPieces() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      for (const char byte : RequestBytes("POST", "/a", "body")) CPPUNIT_ASSERT(Send(client, {&byte, 1}));
      CPPUNIT_ASSERT_EQUAL(std::string("first /a 4"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void RefusesAHeadThatIsTooLargeAndKeepsTheConnection() {
    const auto server = Start(first_);
    {
      const io::UniqueFd client = pool_.Connect();
      std::string head = BeginRecord(true);
      for (int i = 0; i < 20; ++i) head += Record(kParams, std::string(60'000, '\0'));  // pairs of nothing
      CPPUNIT_ASSERT(Send(client, head + Record(kParams, "") + StdinRecords(std::string(100'000, 'x'))));
      CPPUNIT_ASSERT(ReadAnswer(client).starts_with("Status: 431 "));
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/next")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /next 0"), Content(ReadAnswer(client)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void TellsConnectionsOverItsLimitThatItIsBusy() {
    const auto server = Start(first_, 2);
    {
      std::vector<io::UniqueFd> clients;
      for (int i = 0; i < 2; ++i) {
        clients.push_back(pool_.Connect());
        CPPUNIT_ASSERT(Send(clients.back(), RequestBytes("GET", "/a")));
        CPPUNIT_ASSERT_EQUAL(std::string("first /a 0"), Content(ReadAnswer(clients.back())));
      }
      const io::UniqueFd third = pool_.Connect();
      CPPUNIT_ASSERT(Send(third, RequestBytes("POST", "/b", "x")));
      CPPUNIT_ASSERT(ReadAnswer(third).starts_with("Status: 503 "));
      CPPUNIT_ASSERT(AwaitClosed(third));
      clients.pop_back();
      const io::UniqueFd fourth = pool_.Connect();
      CPPUNIT_ASSERT(Send(fourth, RequestBytes("GET", "/b")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /b 0"), Content(ReadAnswer(fourth)));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  // In a process of its own, which may have no more than three threads.
  void AsksForTheEndOfConnectionsWhileTheClosingFileIsThere() {
    const TempFolder folder;
    const std::string file = folder.path() + "/closing";
    const auto server = Start(first_, 512, file);
    {
      const io::UniqueFd client = pool_.Connect();
      for (const bool closing : {false, true, false}) {
        if (closing) {
          std::ofstream(file).close();
        } else {
          std::filesystem::remove(file);
        }
        server->Tick(Server::Clock::now(), std::chrono::seconds(10));
        CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/next")));
        CPPUNIT_ASSERT_EQUAL(closing, ReadAnswer(client).find("Connection: close\r\n") != std::string::npos);
        CPPUNIT_ASSERT(Send(client, UploadHead("/echo") + Record(kStdin, "x") + Record(kStdin, "")));
        CPPUNIT_ASSERT_EQUAL(closing, ReadAnswer(client).find("Connection: close\r\n") != std::string::npos);
      }
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*server));
  }

  void SaysWhenItGetsNoThreads() {
#if !defined(__SANITIZE_THREAD__)
    const pid_t child = ::fork();
    if (child == 0) {
      constexpr uid_t kNobodyElse = 54321;
      const rlimit limit{.rlim_cur = ::getuid() == 0 ? 3U : 0U, .rlim_max = 3};
      ::setrlimit(RLIMIT_NPROC, &limit);
      if (::getuid() == 0 && ::setuid(kNobodyElse) != 0) ::_exit(1);
      try {
        const Server server({.listen_fd = pool_.fd(), .io_threads = 8, .max_connections = 1},
                            [](const http::Request&, bool) { return http::Route{}; });
      } catch (const std::system_error&) {
        ::_exit(7);
      }
      ::_exit(2);
    }
    int status = 0;
    CPPUNIT_ASSERT_EQUAL(child, ::waitpid(child, &status, 0));
    CPPUNIT_ASSERT(WIFEXITED(status));
    CPPUNIT_ASSERT_EQUAL(7, WEXITSTATUS(status));
#endif
  }

  void RefusesADescriptorThatDoesNotListen() {
    CPPUNIT_ASSERT_THROW(Server({.listen_fd = STDERR_FILENO, .max_connections = 1},
                                [](const http::Request&, bool) { return http::Route{}; }),
                         std::system_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerTest);

}  // namespace
}  // namespace hashpost::fcgi
