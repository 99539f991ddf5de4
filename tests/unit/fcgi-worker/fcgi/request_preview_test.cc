#include "fcgi-worker/fcgi/request_preview.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {
namespace {

std::string LongLength(unsigned long length) {
  return {static_cast<char>(0x80U | length >> 24U), static_cast<char>(length >> 16U & 0xFFU),
          static_cast<char>(length >> 8U & 0xFFU), static_cast<char>(length & 0xFFU)};
}

// A pair with lengths of four bytes.
std::string LongPair(const std::string& name, const std::string& value) {
  return LongLength(name.size()) + LongLength(value.size()) + name + value;
}

const std::string kHead =
    BeginRecord(true) + ParamsRecords({{"REQUEST_METHOD", "DELETE"}, {"HTTP_IF_MATCH", "\"x\""}});

class RequestPreviewTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RequestPreviewTest);
  CPPUNIT_TEST(SeesWhetherHeadAndContentHaveComeWhole);
  CPPUNIT_TEST(TakesNoEndOfAnotherRequestForTheEndOfTheContent);
  CPPUNIT_TEST(TakesNoBeginningOfAHeadForAHead);
  CPPUNIT_TEST(FollowsPairsOverRecords);
  CPPUNIT_TEST(RefusesWhatContradictsItself);
  CPPUNIT_TEST(RefusesPaddingThatLibfcgiTakesForARecord);
  CPPUNIT_TEST(BoundsLengthsBeforeAnybodyMakesRoomForThem);
  CPPUNIT_TEST(TellsThePeersEndFromAPause);
  CPPUNIT_TEST(TakesNothingFromTheSocket);
  CPPUNIT_TEST(PassesOverAWholeRequestAndNothingBehindIt);
  CPPUNIT_TEST_SUITE_END();

 public:
  void SeesWhetherHeadAndContentHaveComeWhole() {
    Expect(Head::kWhole, kHead, false);
    Expect(Head::kWhole, kHead + Record(kStdin, "x"), false);
    Expect(Head::kWhole, kHead + Record(kStdin, "x") + Record(kStdin, "y") + Record(kStdin, ""), true);
    Expect(Head::kWhole, kHead + Record(kStdin, ""), true);
    CPPUNIT_ASSERT_EQUAL(1, static_cast<int>(PreviewRequest(kHead).request_id));
    CPPUNIT_ASSERT(PreviewRequest(kHead).peer_keeps);
  }

  // libfcgi passes over it and waits for the right one, on a thread that must not wait.
  void TakesNoEndOfAnotherRequestForTheEndOfTheContent() {
    std::string end = Record(kStdin, "");
    end[3] = 2;
    Expect(Head::kWhole, kHead + end, false);
    Expect(Head::kWhole, kHead + end + Record(kStdin, ""), false);  // libfcgi passes over it, or does not
    std::string not_fastcgi = Record(kStdin, "");
    not_fastcgi[0] = 2;
    Expect(Head::kWhole, kHead + not_fastcgi + Record(kStdin, ""), false);
    Expect(Head::kWhole, kHead + Record(kParams, "x") + Record(kStdin, ""), false);
  }

  void TakesNoBeginningOfAHeadForAHead() {
    for (std::size_t size = 0; size < kHead.size(); ++size)
      Expect(Head::kPartial, kHead.substr(0, size), false);
    const std::string request = kHead + Record(kStdin, "content");
    for (std::size_t size = kHead.size(); size <= request.size(); ++size) {
      Expect(Head::kWhole, request.substr(0, size), false);
    }
  }

  void FollowsPairsOverRecords() {
    const std::string pairs = LongPair("NAME", std::string(300, 'v')) + LongPair("", "") + LongPair("N", "");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, pairs.size()}) {
      std::string records = BeginRecord(false);
      for (std::size_t at = 0; at < pairs.size(); at += piece)
        records += Record(kParams, pairs.substr(at, piece));
      Expect(Head::kPartial, records, false);
      Expect(Head::kWhole, records + Record(kParams, ""), false);
    }
  }

  // libfcgi 2.4.2 forgets the padding of the record that ends the parameters.
  void RefusesPaddingThatLibfcgiTakesForARecord() {
    constexpr std::size_t kPadding = 6;
    std::string end = Record(kParams, "");
    end[kPadding] = 4;
    const std::string begun = kHead.substr(0, kHead.size() - end.size());
    Expect(Head::kBroken, begun + end, false);
    Expect(Head::kBroken, begun + end + std::string(4, '\0') + Record(kStdin, ""), false);
    std::string padded = kHead;
    padded[kPadding] = 4;
    Expect(Head::kBroken, padded, false);
  }

  void RefusesWhatContradictsItself() {
    constexpr std::size_t kRole = 9;
    constexpr std::size_t kId = 3;
    std::string authorizer = kHead;
    authorizer[kRole] = 2;
    std::string no_id = kHead;
    no_id[kId] = 0;
    std::string of_another = kHead;
    of_another[BeginRecord(true).size() + kId] = 2;
    std::string version = kHead;
    version[0] = 2;
    const std::vector<std::string> cases = {
        authorizer,
        no_id,
        of_another,
        version,
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        std::string(8, '\0'),
        Record(static_cast<RecordType>(9), LongPair("FCGI_MAX_CONNS", "")),  // management
        Record(kBegin, "short") + kHead,
        BeginRecord(true) + BeginRecord(true),
        BeginRecord(true) + Record(kStdin, ""),
        BeginRecord(true) + Record(kParams, LongPair("NAME", "value").substr(0, 12)) + Record(kParams, ""),
        BeginRecord(true) + Record(kParams, "\x05") + Record(kParams, ""),
    };
    for (const std::string& bytes : cases) Expect(Head::kBroken, bytes, false);
  }

  void BoundsLengthsBeforeAnybodyMakesRoomForThem() {
    for (const unsigned long length : {0x7FFFFFFFUL, 0x7FFFFFF0UL, 0x40000000UL, 65537UL}) {
      Expect(Head::kBroken, BeginRecord(true) + Record(kParams, LongLength(length) + LongLength(1)), false);
      Expect(Head::kBroken, BeginRecord(true) + Record(kParams, "\x01" + LongLength(length)), false);
    }
    std::string head = BeginRecord(true);
    const std::string pair = LongPair("NAME", std::string(32'748, 'v'));  // 32,760 bytes
    head += Record(kParams, pair) + Record(kParams, pair);
    Expect(Head::kWhole, head + Record(kParams, ""), false);
    Expect(Head::kTooLarge, head + Record(kParams, std::string(17, '\0')), false);
  }

  void TellsThePeersEndFromAPause() {
    for (std::size_t size = 0; size < kHead.size(); ++size) {
      Connect();
      CPPUNIT_ASSERT(Send(peer_, kHead.substr(0, size)));
      CPPUNIT_ASSERT(Head::kPartial == PreviewRequest(own_.get()).head);
      peer_ = io::UniqueFd();
      CPPUNIT_ASSERT(Head::kGone == PreviewRequest(own_.get()).head);
    }
    Connect();
    CPPUNIT_ASSERT(Send(peer_, kHead));
    peer_ = io::UniqueFd();
    CPPUNIT_ASSERT(Head::kWhole == PreviewRequest(own_.get()).head);
  }

  void TakesNothingFromTheSocket() {
    Connect();
    std::string head = BeginRecord(true) + Record(kParams, LongPair("NAME", std::string(60'000, 'v')));
    CPPUNIT_ASSERT(Send(peer_, head));
    CPPUNIT_ASSERT(Head::kPartial == PreviewRequest(own_.get()).head);
    CPPUNIT_ASSERT(Send(peer_, Record(kParams, "")));
    CPPUNIT_ASSERT(Head::kWhole == PreviewRequest(own_.get()).head);
    head += Record(kParams, "");
    std::string bytes(head.size(), '\0');
    CPPUNIT_ASSERT(ReadExactly(own_, bytes.data(), bytes.size()));
    CPPUNIT_ASSERT(bytes == head);
  }

  void PassesOverAWholeRequestAndNothingBehindIt() {
    Connect();
    CPPUNIT_ASSERT(Send(peer_, kHead + StdinRecords(std::string(10'000, 'x')) + "next"));
    CPPUNIT_ASSERT(PassOverRequest(own_.get()));
    std::string next(4, '\0');
    CPPUNIT_ASSERT(ReadExactly(own_, next.data(), next.size()));
    CPPUNIT_ASSERT_EQUAL(std::string("next"), next);
    CPPUNIT_ASSERT(Send(peer_, kHead));
    peer_ = io::UniqueFd();
    CPPUNIT_ASSERT(!PassOverRequest(own_.get()));
  }

 private:
  static void Expect(Head head, const std::string& bytes, bool content_ended) {
    const Preview preview = PreviewRequest(bytes);
    CPPUNIT_ASSERT_EQUAL(static_cast<int>(head), static_cast<int>(preview.head));
    CPPUNIT_ASSERT_EQUAL(content_ended, preview.content_ended);
  }
  void Connect() {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
    peer_ = io::UniqueFd(ends[0]);
    own_ = io::UniqueFd(ends[1]);
  }

  io::UniqueFd peer_;
  io::UniqueFd own_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestPreviewTest);

}  // namespace
}  // namespace hashpost::fcgi
