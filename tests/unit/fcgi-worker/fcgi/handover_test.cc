#include "fcgi-worker/fcgi/handover.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {
namespace {

class HandoverTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HandoverTest);
  CPPUNIT_TEST(PassesADescriptorWithWhatWaitsInIt);
  CPPUNIT_TEST(TellsArrivalsApart);
  CPPUNIT_TEST(SaysWhenNobodyListens);
  CPPUNIT_TEST(TakesNothingFromACarrierWithoutADescriptor);
  CPPUNIT_TEST_SUITE_END();

 public:
  void PassesADescriptorWithWhatWaitsInIt() {
    const ListeningSocket pool;
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
    const io::UniqueFd peer(ends[0]);
    {
      const io::UniqueFd kept(ends[1]);
      CPPUNIT_ASSERT(Send(peer, "already sent"));
      CPPUNIT_ASSERT(HandOver(pool.path(), kept.get()));
    }
    const io::UniqueFd carrier(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    CPPUNIT_ASSERT(Arrival::kHandover == Classify(carrier.get()));
    const io::UniqueFd received = Receive(carrier.get());
    CPPUNIT_ASSERT(received.get() >= 0);
    std::string bytes(12, '\0');
    CPPUNIT_ASSERT(ReadExactly(received, bytes.data(), bytes.size()));
    CPPUNIT_ASSERT_EQUAL(std::string("already sent"), bytes);
    CPPUNIT_ASSERT((::fcntl(received.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }

  void TellsArrivalsApart() {
    const ListeningSocket pool;
    io::UniqueFd client = pool.Connect();
    const io::UniqueFd accepted(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    CPPUNIT_ASSERT(Send(client, BeginRecord(true)));
    CPPUNIT_ASSERT(Arrival::kFastCgi == Classify(accepted.get()));
    CPPUNIT_ASSERT(Arrival::kFastCgi == Classify(accepted.get()));  // the byte is still there
    client = pool.Connect();
    const io::UniqueFd second(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    client = io::UniqueFd();
    CPPUNIT_ASSERT(Arrival::kGone == Classify(second.get()));
  }

  void SaysWhenNobodyListens() {
    std::string path;
    {
      const ListeningSocket gone;
      path = gone.path();
    }
    CPPUNIT_ASSERT(!HandOver(path, STDERR_FILENO));
    CPPUNIT_ASSERT(!HandOver(std::string(200, 'x'), STDERR_FILENO));
  }

  void TakesNothingFromACarrierWithoutADescriptor() {
    const ListeningSocket pool;
    const io::UniqueFd client = pool.Connect();
    const io::UniqueFd carrier(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    CPPUNIT_ASSERT(Send(client, std::string(1, static_cast<char>(kHandoverMarker))));
    CPPUNIT_ASSERT(Arrival::kHandover == Classify(carrier.get()));
    CPPUNIT_ASSERT(Receive(carrier.get()).get() < 0);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HandoverTest);

}  // namespace
}  // namespace hashpost::fcgi
