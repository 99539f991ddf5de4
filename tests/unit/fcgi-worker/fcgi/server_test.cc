#include "fcgi-worker/fcgi/server.h"

#include <cppunit/extensions/HelperMacros.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "fcgi-worker/http/errors.h"
#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPlenty{20000};
constexpr std::chrono::seconds kHour{3600};

http::Response Text(std::string content) {
  http::Response response;
  response.content = std::move(content);
  return response;
}

std::string Content(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

// Answers "<name> <path> <length of the body>"; /big with 2 MB; /hold and /block when Release is called,
// /block keeping its thread; /drop never; /long on a thread that may take long, as "late".
class Answering : public http::Handler {
 public:
  explicit Answering(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] http::Response Tell(const http::Problem& problem) const override {
    return http::ToResponse(problem);
  }
  void Handle(std::unique_ptr<http::Exchange> exchange) const noexcept override {
    const http::Request& request = exchange->request();
    if (request.path == "/drop") return;
    if (request.path == "/echo") return Echo(std::move(exchange));
    if (request.path == "/refuse") return exchange->Respond(Text("refused"));
    if (request.path == "/hold") {
      const std::scoped_lock lock(mutex_);
      held_.push_back(std::move(exchange));
      arrived_.notify_all();
      return;
    }
    if (request.path == "/long") {
      if (!exchange->MayTakeLong()) return exchange->Postpone();
      return exchange->Respond(Text("late"));
    }
    if (request.path == "/block") {
      std::unique_lock lock(mutex_);
      ++blocked_;
      arrived_.notify_all();
      arrived_.wait(lock, [&] { return released_; });
      return exchange->Respond(Text("unblocked"));
    }
    if (request.path == "/big") return exchange->Respond(Text(std::string(2'000'000, 'b')));
    std::size_t length = 0;
    std::vector<char> buffer(16384);
    try {
      while (const std::size_t got = request.body->Read(buffer)) length += got;
    } catch (const http::BodyIncomplete&) {
      return exchange->Respond(Text("incomplete"));
    }
    exchange->Respond(Text(name_ + " " + std::string(request.path) + " " + std::to_string(length)));
  }

  void AwaitHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, kPlenty, [&] { return held_.size() >= count; });
    CPPUNIT_ASSERT_EQUAL(count, held_.size());
  }

  void AwaitBlocked(int count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, kPlenty, [&] { return blocked_ >= count; });
    CPPUNIT_ASSERT_EQUAL(count, blocked_);
  }

  void Release() {
    const std::scoped_lock lock(mutex_);
    released_ = true;
    arrived_.notify_all();
    for (auto& exchange : held_) exchange->Respond(Text("released"));
    held_.clear();
  }

 private:
  // Answers each piece as it comes; "cut" ends it at once.
  static void Echo(std::unique_ptr<http::Exchange> exchange) {
    http::AnswerStream& answer = exchange->Begin(Text(""));
    std::vector<char> buffer(100);
    try {
      while (const std::size_t got = exchange->request().body->Read(buffer)) {
        const std::string_view piece(buffer.data(), got);
        if (piece == "cut") return exchange->End(http::Ending::kCut);
        answer.Write(piece);
        if (!answer.Flush()) break;
      }
      exchange->End(http::Ending::kWhole);
    } catch (const http::BodyIncomplete&) {
      exchange->End(http::Ending::kCut);
    }
  }

  const std::string name_;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  mutable std::vector<std::unique_ptr<http::Exchange>> held_;
  mutable int blocked_ = 0;
  bool released_ = false;
};

class ServerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ServerTest);
  CPPUNIT_TEST(ServesKeptConnectionsManyAtATime);
  CPPUNIT_TEST(ServesBigBodiesAndBigAnswers);
  CPPUNIT_TEST(PostponesAnyNumberOfLongRequests);
  CPPUNIT_TEST(AnswersAnUploadWhileItIsRead);
  CPPUNIT_TEST(CutsAnUploadThatItsHandlerCuts);
  CPPUNIT_TEST(LeavesTheNextRequestAloneAfterItRefusedOne);
  CPPUNIT_TEST(ClosesAConnectionWhoseContentHasNoEnd);
  CPPUNIT_TEST(AnswersBeforeAContentWithoutEndWhereThePeerKeepsNoConnection);
  CPPUNIT_TEST(ServesOthersBesideSlowBodiesThatNobodySpooled);
  CPPUNIT_TEST(FreesAnIoThreadFromContentThatWasCalledSpooled);
  CPPUNIT_TEST(CutsAReaderThatNeverReads);
  CPPUNIT_TEST(GivesThePlaceOfASlowUploadToWhoeverNeedsIt);
  CPPUNIT_TEST(RefusesUploadsThatFindNoPlaceInTime);
  CPPUNIT_TEST(AnswersWhatAHandlerDropped);
  CPPUNIT_TEST(ServesOthersWhileManyReadersAreStuck);
  CPPUNIT_TEST(CutsARequestThatNeverArrivesWhole);
  CPPUNIT_TEST(TakesARequestThatComesInPieces);
  CPPUNIT_TEST(RefusesAHeadThatIsTooLargeAndKeepsTheConnection);
  CPPUNIT_TEST(HandsIdleConnectionsToItsSibling);
  CPPUNIT_TEST(FinishesARequestThenHandsItsConnectionOver);
  CPPUNIT_TEST(HandsOverARequestThatWaitsInTheSocket);
  CPPUNIT_TEST(GivesUpDrainingAtItsLimit);
  CPPUNIT_TEST(CutsAnUploadAtTheDrainLimitWithoutLosingWhatWasAnswered);
  CPPUNIT_TEST(TellsConnectionsOverItsLimitThatItIsBusy);
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

  void PostponesAnyNumberOfLongRequests() {
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

  void HandsIdleConnectionsToItsSibling() {
    auto old = Start(first_);
    std::vector<io::UniqueFd> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(pool_.Connect());
      CPPUNIT_ASSERT(Send(clients.back(), RequestBytes("GET", "/a")));
      CPPUNIT_ASSERT_EQUAL(std::string("first /a 0"), Content(ReadAnswer(clients.back())));
    }
    const auto sibling = Start(second_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, old->Drain(kPlenty));
    old.reset();
    for (const io::UniqueFd& client : clients) {
      CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/b")));
      CPPUNIT_ASSERT_EQUAL(std::string("second /b 0"), Content(ReadAnswer(client)));
    }
    clients.clear();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*sibling));
  }

  void FinishesARequestThenHandsItsConnectionOver() {
    auto old = Start(first_);
    io::UniqueFd client = pool_.Connect();
    CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/hold")));
    first_.AwaitHeld(1);
    const auto sibling = Start(second_);
    auto drained = std::async(std::launch::async, [&] { return old->Drain(kPlenty); });
    first_.Release();
    CPPUNIT_ASSERT_EQUAL(std::string("released"), Content(ReadAnswer(client)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, drained.get());
    old.reset();
    CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/b")));
    CPPUNIT_ASSERT_EQUAL(std::string("second /b 0"), Content(ReadAnswer(client)));
    client = io::UniqueFd();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*sibling));
  }

  void HandsOverARequestThatWaitsInTheSocket() {
    // Requests arrive all through the drain, as Apache sends them; each must be answered by one or the other.
    auto old = Start(first_);
    const auto sibling = Start(second_);
    std::atomic<bool> stop = false;
    std::atomic<int> answered = 0;
    std::vector<std::thread> threads;
    for (int c = 0; c < 4; ++c) {
      threads.emplace_back([&] {
        const io::UniqueFd client = pool_.Connect();
        for (int i = 0; !stop || i < 20; ++i) {
          if (!Send(client, RequestBytes("POST", "/c", "body"))) throw std::runtime_error("send failed");
          if (Content(ReadAnswer(client)).ends_with(" /c 4")) ++answered;
        }
      });
    }
    while (answered < 40) std::this_thread::yield();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, old->Drain(kPlenty));
    old.reset();
    const int before = answered;
    while (answered < before + 40) std::this_thread::yield();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, AwaitEmpty(*sibling));
  }

  void GivesUpDrainingAtItsLimit() {
    auto server = Start(first_);
    const io::UniqueFd client = pool_.Connect();
    CPPUNIT_ASSERT(Send(client, RequestBytes("GET", "/hold")));
    first_.AwaitHeld(1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, server->Drain(milliseconds(50)));
    first_.Release();
  }

  void CutsAnUploadAtTheDrainLimitWithoutLosingWhatWasAnswered() {
    const auto server = Start(first_);
    io::UniqueFd idle = pool_.Connect();
    io::UniqueFd busy = pool_.Connect();
    std::string answer;
    for (const io::UniqueFd* client : {&idle, &busy}) {
      CPPUNIT_ASSERT(Send(*client, UploadHead("/echo") + Record(kStdin, "before")));
      for (answer.clear(); !answer.ends_with("before");) answer += ReadPiece(*client);
    }
    auto drained = std::async(std::launch::async, [&] { return server->Drain(milliseconds(50)); });
    // The client that goes on sending is not disturbed in it until it sees the end of the answer.
    std::string echoed;
    std::size_t sent = 0;
    try {
      for (;; ++sent) {
        CPPUNIT_ASSERT(Send(busy, Record(kStdin, "x")));
        echoed += ReadPiece(busy);
      }
    } catch (const std::runtime_error&) {
    }
    CPPUNIT_ASSERT(Send(busy, Record(kStdin, std::string(50'000, 'x'))));
    CPPUNIT_ASSERT_EQUAL(std::string(sent, 'x'), echoed);
    CPPUNIT_ASSERT(AwaitClosed(idle));
    busy = io::UniqueFd();
    idle = io::UniqueFd();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, drained.get());
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
                            [](const http::Request&) { return http::Route{}; });
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
                                [](const http::Request&) { return http::Route{}; }),
                         std::system_error);
  }

 private:
  [[nodiscard]] std::unique_ptr<Server> Start(const Answering& handler,
                                              std::size_t max_connections = 512) const {
    return std::make_unique<Server>(
        ServerOptions{.listen_fd = pool_.fd(),
                      .blocking_threads = 2,
                      .bulk_threads = 2,
                      .max_connections = max_connections},
        [&](const http::Request& request) {
          const bool is_bulk = request.method == "POST" && !request.content_length;
          return http::Route{is_bulk ? http::Lane::kBulk : http::Lane::kOrdinary, &handler, "/"};
        });
  }

  // Drains a server whose clients have gone: its connections close by themselves, or go into the socket's
  // queue.
  static std::size_t AwaitEmpty(Server& server) {
    return server.Drain(kPlenty);
  }

  static bool HungUp(const io::UniqueFd& fd) {
    pollfd peer{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&peer, 1, 0) == 1;
  }

  static bool Readable(const io::UniqueFd& fd, milliseconds limit) {
    const timeval brief{.tv_sec = 0, .tv_usec = limit.count() * 1000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    char byte = 0;
    const bool readable = ::recv(fd.get(), &byte, 1, MSG_PEEK) >= 0;
    const timeval plenty{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &plenty, sizeof plenty);
    return readable;
  }

  ListeningSocket pool_;
  Answering first_{"first"};
  Answering second_{"second"};
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerTest);

}  // namespace
}  // namespace hashpost::fcgi
