#include "fcgi-worker/fcgi/handover.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace hashpost::fcgi {
namespace {

class HandoverTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HandoverTest);
  CPPUNIT_TEST(PassesADescriptorWithWhatWaitsInIt);
  CPPUNIT_TEST(TellsArrivalsApart);
  CPPUNIT_TEST(SaysWhenNobodyListens);
  CPPUNIT_TEST(TakesNothingFromACarrierWithoutADescriptor);
  CPPUNIT_TEST(KeepsNoneOfSeveralDescriptors);
  CPPUNIT_TEST(TakesNothingFromAnotherUser);
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

  void KeepsNoneOfSeveralDescriptors() {
    const ListeningSocket pool;
    for (const std::size_t count : {std::size_t{2}, std::size_t{3}, std::size_t{253}}) {
      const io::UniqueFd client = pool.Connect();
      const io::UniqueFd carrier(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      SendDescriptors(client, count);
      const std::size_t before = OpenDescriptors();
      CPPUNIT_ASSERT(Receive(carrier.get()).get() < 0);
      CPPUNIT_ASSERT_EQUAL(before, OpenDescriptors());
    }
  }

  void TakesNothingFromAnotherUser() {
    const ListeningSocket pool;
    const io::UniqueFd client = pool.Connect();
    const io::UniqueFd carrier(::accept4(pool.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    SendDescriptors(client, 1);
    const std::size_t before = OpenDescriptors();
    CPPUNIT_ASSERT(Receive(carrier.get(), ::geteuid() + 1).get() < 0);
    CPPUNIT_ASSERT_EQUAL(before, OpenDescriptors());
    CPPUNIT_ASSERT(Arrival::kHandover == Classify(carrier.get()));  // not even looked at
    CPPUNIT_ASSERT(Receive(carrier.get()).get() >= 0);
  }

 private:
  static std::size_t OpenDescriptors() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
  }
  // The marker with `count` descriptors, all of standard error.
  static void SendDescriptors(const io::UniqueFd& client, std::size_t count) {
    auto marker = static_cast<char>(kHandoverMarker);
    iovec data{&marker, 1};
    std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    const std::vector<int> descriptors(count, STDERR_FILENO);
    std::memcpy(CMSG_DATA(header), descriptors.data(), count * sizeof(int));
    CPPUNIT_ASSERT_EQUAL(ssize_t{1}, ::sendmsg(client.get(), &message, MSG_NOSIGNAL));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HandoverTest);

}  // namespace
}  // namespace hashpost::fcgi
