#include "fcgi-worker/drop/receiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "fcgi-worker/drop/name_lock.h"
#include "tests/unit/fcgi-worker/drop/upload_fixture.h"
#include "tests/unit/system_calls.h"

namespace hashpost::drop {
namespace {

class FileReceiverTest : public UploadFixture {
  CPPUNIT_TEST_SUITE(FileReceiverTest);
  CPPUNIT_TEST(LeavesNothingOfAnUploadThatFailed);
  CPPUNIT_TEST(SaysSoWhenTheFolderIsGone);
  CPPUNIT_TEST(SaysAtItsStartThatTheFileSystemCannotDoWhatItMust);
  CPPUNIT_TEST(SweepsWhatAKillLeft);
  CPPUNIT_TEST(SyncsAFileThenItsRecordThenItsFolder);
  CPPUNIT_TEST(WaitsForTheLockOfItsName);
  CPPUNIT_TEST(KeepsKeyAndLedgerFromOtherUsers);
  CPPUNIT_TEST(DoesNotStartWithABadKey);
  CPPUNIT_TEST_SUITE_END();

 public:
  void LeavesNothingOfAnUploadThatFailed() {
    const std::string token = Seal(std::string(200'000, 'x'), kTime);
    ExpectProblem(Post(
                      "books", token, [](http::TestExchange&) {}, "\r\n--B"),
                  400, "bad-form");
    ExpectProblem(Post(
                      "books", token, [](http::TestExchange&) {}, ""),
                  400, "bad-form");
    CPPUNIT_ASSERT(std::filesystem::is_empty(Output()));
  }

  void SaysSoWhenTheFolderIsGone() {
    std::filesystem::remove(Output());
    ExpectProblem(Post("books", Seal("x", kTime)), 503, "drop-unavailable");
    std::filesystem::create_directory(Output());
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("x", kTime)).status);
    std::filesystem::create_directory(Output() + "/folder.xml");
    ExpectProblem(Post("folder", Seal("x", kTime)), 503, "drop-unavailable");
  }

  void SaysAtItsStartThatTheFileSystemCannotDoWhatItMust() {
    const std::string log_file = folder_.path() + "/log";
    {
      SystemCalls calls;
      calls.FailUnnamedFiles();
      const io::UniqueFd log(::creat(log_file.c_str(), 0600));
      const io::UniqueFd before(::dup(STDERR_FILENO));
      log::SetLevel(log::Level::kError);
      ::dup2(log.get(), STDERR_FILENO);
      Open();
      ::dup2(before.get(), STDERR_FILENO);
      log::SetLevel(static_cast<log::Level>(4));
      ExpectProblem(Post("books", Seal("x", ++time_)), 503, "drop-unavailable");
    }
    std::ifstream in(log_file);
    const std::string said(std::istreambuf_iterator<char>(in), {});
    CPPUNIT_ASSERT_MESSAGE(said,
                           said.find("Nothing can be put into OUTPUT_DIR=" + Output()) != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(
        said, said.find("its file system makes no files without a name (O_TMPFILE)") != std::string::npos);
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("x", ++time_)).status);
  }

  void SweepsWhatAKillLeft() {
    const std::string inside = Output() + "/.hashpost-incoming";
    std::filesystem::create_directory(inside);
    const std::string incoming = folder_.path() + "/drop/incoming";
    for (const std::string& name : {incoming + "/books.xml.new", inside + "/books.xml.new",
                                    incoming + "/other", Output() + "/books.xml.new"})
      std::ofstream(name) << "x";
    Open();
    CPPUNIT_ASSERT(!std::filesystem::exists(incoming + "/books.xml.new"));
    CPPUNIT_ASSERT(!std::filesystem::exists(inside + "/books.xml.new"));
    CPPUNIT_ASSERT(std::filesystem::exists(incoming + "/other"));
    CPPUNIT_ASSERT(std::filesystem::exists(Output() + "/books.xml.new"));
  }

  // A file of which 201 was said must not vanish with the power: its sender never sends it again.
  void SyncsAFileThenItsRecordThenItsFolder() {
    for (const char* content : {"new", "replaced"}) {
      const SystemCalls calls;
      CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal(content, ++time_)).status);
      std::vector<std::string> order;
      for (const std::string& call : calls.All()) {
        if (call.starts_with("sync " + folder_.path() + "/drop/incoming/#")) order.emplace_back("file");
        if (call == "sync " + folder_.path() + "/drop/ledger/data.mdb") order.emplace_back("ledger");
        if (call == "sync " + Output()) order.emplace_back("folder");
      }
      CPPUNIT_ASSERT(order == std::vector<std::string>({"file", "ledger", "folder"}));
    }
  }

  void WaitsForTheLockOfItsName() {
    const std::string lock_file = folder_.path() + "/drop/names.lock";
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("old", ++time_)).status);
    std::optional<NameLock> lock(std::in_place, lock_file, "books");
    auto status =
        std::async(std::launch::async, [&] { return Post("books", Seal("new", kTime + 100)).status; });
    // The kernel lists who waits for a lock behind the one who has it.
    while (!IsWaitedFor(lock_file)) {
      CPPUNIT_ASSERT_MESSAGE("it did not wait",
                             status.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout);
    }
    CPPUNIT_ASSERT_EQUAL(std::string("old"), File("books"));
    // Another name waits for nobody.
    CPPUNIT_ASSERT_EQUAL(201, Post("other", Seal("other", ++time_)).status);
    lock.reset();
    CPPUNIT_ASSERT_EQUAL(201, status.get());
    CPPUNIT_ASSERT_EQUAL(std::string("new"), File("books"));
  }

  void KeepsKeyAndLedgerFromOtherUsers() {
    upload_.reset();
    std::filesystem::remove_all(folder_.path() + "/drop");
    const mode_t before = ::umask(0);
    Open();
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("x", ++time_)).status);
    ::umask(before);
    const std::string drop = folder_.path() + "/drop";
    for (const std::string& path : {drop, drop + "/ledger", drop + "/incoming", KeyFile()}) {
      struct stat status {};
      CPPUNIT_ASSERT_EQUAL(0, ::stat(path.c_str(), &status));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(path, 0U, status.st_mode & 077U);
    }
  }

  void DoesNotStartWithABadKey() {
    for (const char* text : {"", "\n", "no key\n", "AAAA\n"}) {
      std::ofstream(KeyFile()) << text;
      CPPUNIT_ASSERT_THROW(Open(), fernet::KeyError);
    }
    options_.state = "/proc/none";
    CPPUNIT_ASSERT_THROW(Open(), ReceiverUnavailable);
  }

 private:
  static bool IsWaitedFor(const std::string& lock_file) {
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat(lock_file.c_str(), &status));
    const std::string inode = ":" + std::to_string(status.st_ino) + " ";
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      if (line.find(" -> ") != std::string::npos && line.find(inode) != std::string::npos) return true;
    }
    return false;
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FileReceiverTest);

}  // namespace
}  // namespace hashpost::drop
