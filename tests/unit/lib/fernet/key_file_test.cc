#include "lib/fernet/key_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "lib/io/unique_fd.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::fernet {
namespace {

const std::string kKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class FernetKeyFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetKeyFileTest);
  CPPUNIT_TEST(LoadsWhatKeyScriptsWrite);
  CPPUNIT_TEST(TellsWhoMayReadIt);
  CPPUNIT_TEST(SaysWhatIsWrongWithAFile);
  CPPUNIT_TEST(CreatesAMissingFileOnce);
  CPPUNIT_TEST(NeverReplacesAFaultyFile);
  CPPUNIT_TEST(SaysWhyAFileCannotBeCreated);
  CPPUNIT_TEST(ThreadsAgreeOnOneKey);
  CPPUNIT_TEST(ProcessesAgreeOnOneKey);
  CPPUNIT_TEST_SUITE_END();

 public:
  void LoadsWhatKeyScriptsWrite() {
    WriteText(path_, "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=\n");
    const std::string link = folder_.path() + "/link";
    std::filesystem::create_symlink(path_, link);
    for (const std::string& path : {path_, link}) {
      for (const KeyFile& file : {LoadKeyFile(path), LoadOrCreateKeyFile(path)}) {
        CPPUNIT_ASSERT_EQUAL(kKey, file.keys.Sealing().Text());
        CPPUNIT_ASSERT(!file.created);
      }
    }
  }

  void TellsWhoMayReadIt() {
    WriteText(path_, kKey);
    for (const auto& [mode, readable] :
         std::vector<std::pair<mode_t, bool>>{{0600, false}, {0640, false}, {0644, true}, {0604, true}}) {
      CPPUNIT_ASSERT_EQUAL(0, ::chmod(path_.c_str(), mode));
      CPPUNIT_ASSERT_EQUAL(readable, LoadKeyFile(path_).readable_by_all);
    }
  }

  void SaysWhatIsWrongWithAFile() {
    ExpectFault(KeyFault::kMissing, "is not there", path_);
    WriteText(path_, "");
    ExpectFault(KeyFault::kEmpty, "holds no key", path_);
    WriteText(path_, kKey + "\nSECRETSECRET\n");
    ExpectFault(KeyFault::kMalformed, "Line 2 is no key", path_);
    std::string keys;
    for (int i = 0; i < 17; ++i) keys += Key::Generate().Text() + "\n";
    WriteText(path_, keys);
    ExpectFault(KeyFault::kTooMany, "more than 16 keys", path_);
    WriteText(path_, kKey + std::string(4096 - kKey.size(), '\n'));
    CPPUNIT_ASSERT_EQUAL(kKey, LoadKeyFile(path_).keys.Sealing().Text());
    WriteText(path_, kKey + std::string(4097 - kKey.size(), '\n'));
    ExpectFault(KeyFault::kMalformed, "larger than 4 KiB", path_);
    ExpectFault(KeyFault::kUnreadable, "no regular file", folder_.path());
    ExpectFault(KeyFault::kUnreadable, "cannot be read", path_ + "/below-a-file");
    const std::string pipe = folder_.path() + "/pipe";
    CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(pipe.c_str(), 0600));
    ExpectFault(KeyFault::kUnreadable, "no regular file", pipe);
  }

  void CreatesAMissingFileOnce() {
    const mode_t before = ::umask(0);
    const KeyFile first = LoadOrCreateKeyFile(path_);
    ::umask(before);
    CPPUNIT_ASSERT(first.created);
    CPPUNIT_ASSERT(!first.readable_by_all);
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat(path_.c_str(), &status));
    CPPUNIT_ASSERT_EQUAL(0600U, status.st_mode & 07777U);
    CPPUNIT_ASSERT_EQUAL(first.keys.Sealing().Text() + "\n", ReadText(path_));
    const KeyFile second = LoadOrCreateKeyFile(path_);
    CPPUNIT_ASSERT(!second.created);
    CPPUNIT_ASSERT(first.keys.Sealing() == second.keys.Sealing());
    ExpectFiles(1);
  }

  void NeverReplacesAFaultyFile() {
    for (const char* text : {"", "SECRETSECRET\n"}) {
      WriteText(path_, text);
      CPPUNIT_ASSERT_THROW((void)LoadOrCreateKeyFile(path_), KeyError);
      CPPUNIT_ASSERT_EQUAL(std::string(text), ReadText(path_));
    }
    const std::string dangling = folder_.path() + "/dangling";
    std::filesystem::create_symlink(folder_.path() + "/nowhere", dangling);
    CPPUNIT_ASSERT_THROW((void)LoadOrCreateKeyFile(dangling), KeyError);
    ExpectFiles(2);
  }

  void SaysWhyAFileCannotBeCreated() {
    try {
      (void)LoadOrCreateKeyFile(folder_.path() + "/no-such-folder/key");
      CPPUNIT_FAIL("created");
    } catch (const KeyError& error) {
      CPPUNIT_ASSERT(error.fault() == KeyFault::kNotCreated);
      CPPUNIT_ASSERT(std::string(error.what()).find("No such file or directory") != std::string::npos);
    }
  }

  void ThreadsAgreeOnOneKey() {
    for (int round = 0; round < 10; ++round) {
      std::filesystem::remove(path_);
      std::vector<std::string> fingerprints(8);
      std::atomic<int> created = 0;
      std::vector<std::thread> threads;
      for (std::string& fingerprint : fingerprints) {
        threads.emplace_back([&] {
          const KeyFile file = LoadOrCreateKeyFile(path_);
          fingerprint = file.keys.Sealing().Fingerprint();
          created += file.created ? 1 : 0;
        });
      }
      for (std::thread& thread : threads) thread.join();
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, std::set(fingerprints.begin(), fingerprints.end()).size());
      CPPUNIT_ASSERT_EQUAL(1, created.load());
      ExpectFiles(1);
    }
  }

  void ProcessesAgreeOnOneKey() {
    int ends[2];
    CPPUNIT_ASSERT_EQUAL(0, ::pipe2(ends, O_CLOEXEC));
    const io::UniqueFd read_end(ends[0]);
    io::UniqueFd write_end(ends[1]);
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
      children.push_back(::fork());
      if (children.back() == 0) TellFingerprint(write_end.get());
    }
    write_end = {};
    std::set<std::string> seen;
    std::string line(17, '\0');
    int count = 0;
    for (; ::read(read_end.get(), line.data(), line.size()) == 17; ++count) seen.insert(line);
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    CPPUNIT_ASSERT_EQUAL(8, count);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, seen.size());
    CPPUNIT_ASSERT_EQUAL(LoadKeyFile(path_).keys.Sealing().Fingerprint() + "\n", *seen.begin());
    ExpectFiles(1);
  }

 private:
  [[noreturn]] void TellFingerprint(int to) const {
    int status = 1;
    try {
      const std::string line = LoadOrCreateKeyFile(path_).keys.Sealing().Fingerprint() + "\n";
      status = ::write(to, line.data(), line.size()) == 17 ? 0 : 1;
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }

  static void ExpectFault(KeyFault fault, const std::string& words, const std::string& path) {
    try {
      (void)LoadKeyFile(path);
      CPPUNIT_FAIL("taken: " + words);
    } catch (const KeyError& error) {
      const std::string sentence = error.what();
      CPPUNIT_ASSERT_MESSAGE(sentence, error.fault() == fault);
      CPPUNIT_ASSERT_MESSAGE(sentence, sentence.find(words) != std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(sentence, sentence.find(path) != std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(sentence, sentence.find("SECRET") == std::string::npos);
    }
  }

  void ExpectFiles(std::size_t count) const {
    std::size_t found = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path())) ++found;
    CPPUNIT_ASSERT_EQUAL(count, found);
  }

  TempFolder folder_;
  const std::string path_ = folder_.path() + "/key";
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetKeyFileTest);

}  // namespace
}  // namespace hashpost::fernet
