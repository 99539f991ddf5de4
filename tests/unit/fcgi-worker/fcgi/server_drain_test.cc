// How a server hands its connections to its sibling.

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/fcgi-worker/fcgi/server_fixture.h"

namespace hashpost::fcgi {
namespace {

class ServerDrainTest : public ServerFixture {
  CPPUNIT_TEST_SUITE(ServerDrainTest);
  CPPUNIT_TEST(HandsIdleConnectionsToItsSibling);
  CPPUNIT_TEST(FinishesARequestThenHandsItsConnectionOver);
  CPPUNIT_TEST(HandsOverARequestThatWaitsInTheSocket);
  CPPUNIT_TEST(GivesUpDrainingAtItsLimit);
  CPPUNIT_TEST(CutsAnUploadAtTheDrainLimitWithoutLosingWhatWasAnswered);
  CPPUNIT_TEST_SUITE_END();

 public:
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
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerDrainTest);

}  // namespace
}  // namespace hashpost::fcgi
