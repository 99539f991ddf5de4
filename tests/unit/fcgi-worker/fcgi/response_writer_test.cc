#include "fcgi-worker/fcgi/response_writer.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>

#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {
namespace {

class ResponseWriterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ResponseWriterTest);
  CPPUNIT_TEST(SendsASmallAnswerInOnePieceWithoutPadding);
  CPPUNIT_TEST(SendsALargeAnswerWholeInWhateverPiecesItComes);
  CPPUNIT_TEST(EndsAnAnswerWithoutContent);
  CPPUNIT_TEST(SaysWhenThePeerIsGone);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
    peer_ = io::UniqueFd(ends[0]);
    ours_ = io::UniqueFd(ends[1]);
  }

  void SendsASmallAnswerInOnePieceWithoutPadding() {
    ResponseWriter writer(ours_.get(), 0x0102, sent_);
    writer.Write("abc");
    writer.Write("de");
    CPPUNIT_ASSERT(writer.Finish());
    const std::string expected = std::string("\1\6\1\2\0\5\0\0", 8) + "abcde" +
                                 std::string("\1\3\1\2\0\10\0\0", 8) + std::string(8, '\0');
    std::string got(100, '\0');
    got.resize(static_cast<std::size_t>(::recv(peer_.get(), got.data(), got.size(), MSG_DONTWAIT)));
    CPPUNIT_ASSERT_EQUAL(expected, got);
  }

  void SendsALargeAnswerWholeInWhateverPiecesItComes() {
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{65528}, std::size_t{65529}, kLarge}) {
      std::string content;
      for (std::size_t i = 0; content.size() < kLarge; ++i) content += std::to_string(i);
      content.resize(kLarge);
      bool finished = false;
      std::thread sender([&] {
        ResponseWriter writer(ours_.get(), 1, sent_);
        writer.Write("head");
        for (std::size_t at = 0; at < kLarge; at += piece)
          writer.Write(std::string_view(content).substr(at, piece));
        finished = writer.Finish();
      });
      const std::string answer = ReadAnswer(peer_);
      sender.join();
      CPPUNIT_ASSERT(finished);
      CPPUNIT_ASSERT(answer == "head" + content);
    }
  }

  void EndsAnAnswerWithoutContent() {
    ResponseWriter writer(ours_.get(), 1, sent_);
    CPPUNIT_ASSERT(writer.Finish());
    CPPUNIT_ASSERT_EQUAL(std::string(), ReadAnswer(peer_));
  }

  void SaysWhenThePeerIsGone() {
    peer_ = io::UniqueFd();
    ResponseWriter writer(ours_.get(), 1, sent_);
    writer.Write("abc");
    CPPUNIT_ASSERT(!writer.Finish());
  }

 private:
  static constexpr std::size_t kLarge = 1U << 20U;
  io::UniqueFd peer_;
  io::UniqueFd ours_;
  std::atomic<std::uint64_t> sent_{0};
};

CPPUNIT_TEST_SUITE_REGISTRATION(ResponseWriterTest);

}  // namespace
}  // namespace hashpost::fcgi
