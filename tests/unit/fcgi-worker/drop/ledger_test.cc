#include "fcgi-worker/drop/ledger.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "fcgi-worker/drop/name_lock.h"
#include "lib/crypto/sha256.h"
#include "store/message_store.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::drop {
namespace {

class LedgerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LedgerTest);
  CPPUNIT_TEST(TakesWhatIsNewer);
  CPPUNIT_TEST(RefusesOlderContentButNotTheSame);
  CPPUNIT_TEST(TellsTokensOfOneSecondApart);
  CPPUNIT_TEST(BoundsTheTokensOfOneSecond);
  CPPUNIT_TEST(RemembersAfterARestart);
  CPPUNIT_TEST(KeepsNamesApart);
  CPPUNIT_TEST(RefusesAFolderThatIsNotThere);
  CPPUNIT_TEST(RefusesPagesThatAreDamaged);
  CPPUNIT_TEST(WritesNothingOnceItsFilesWereReplaced);
  CPPUNIT_TEST(LocksANameForOneThreadAtATime);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { ledger_.emplace(folder_.path()); }

  void TakesWhatIsNewer() {
    Expect(Verdict::kTaken, 100, "t1", "A");
    Expect(Verdict::kTaken, 100, "t1", "A");  // the same once more: its answer was lost
    Expect(Verdict::kTaken, 101, "t2", "B");
    Expect(Verdict::kTaken, ~std::uint64_t{0}, "t3", "C");
    Expect(Verdict::kReplayed, 102, "t4", "D");
  }

  void RefusesOlderContentButNotTheSame() {
    Expect(Verdict::kTaken, 100, "t1", "A");
    Expect(Verdict::kTaken, 200, "t2", "B");
    Expect(Verdict::kReplayed, 100, "t1", "A");
    Expect(Verdict::kReplayed, 0, "t0", "Z");
    Expect(Verdict::kTaken, 150, "t3", "B");
    Expect(Verdict::kReplayed, 199, "t4", "A");  // the one before did not turn the clock back
    Expect(Verdict::kTaken, 300, "t5", "A");     // changed back, and sealed anew
    Expect(Verdict::kReplayed, 200, "t2", "B");
  }

  void TellsTokensOfOneSecondApart() {
    Expect(Verdict::kTaken, 100, "t1", "A");
    Expect(Verdict::kTaken, 100, "t2", "B");
    Expect(Verdict::kReplayed, 100, "t1", "A");
    Expect(Verdict::kTaken, 100, "t2", "B");
    Expect(Verdict::kTaken, 100, "t3", "A");
    Expect(Verdict::kTaken, 100, "t1", "A");  // what the name holds anyway
    Expect(Verdict::kReplayed, 100, "t2", "B");
    Expect(Verdict::kTaken, 101, "t4", "B");
    Expect(Verdict::kReplayed, 100, "t5", "A");
  }

  void BoundsTheTokensOfOneSecond() {
    for (std::size_t i = 0; i < Ledger::kMaxTags; ++i) {
      Expect(Verdict::kTaken, 100, "t" + std::to_string(i), "C" + std::to_string(i));
    }
    Expect(Verdict::kTooMany, 100, "another", "X");
    Expect(Verdict::kReplayed, 100, "t0", "C0");
    Expect(Verdict::kTaken, 101, "another", "X");
  }

  void RemembersAfterARestart() {
    Expect(Verdict::kTaken, 100, "t1", "A");
    Expect(Verdict::kTaken, 200, "t2", "B");
    ledger_.reset();
    ledger_.emplace(folder_.path());
    Expect(Verdict::kReplayed, 100, "t1", "A");
    Expect(Verdict::kTaken, 200, "t2", "B");
  }

  void KeepsNamesApart() {
    Expect(Verdict::kTaken, 200, "t1", "A");
    const std::string longest(Ledger::kMaxNameBytes, 'n');
    CPPUNIT_ASSERT(Verdict::kTaken == Ask(longest, 100, "t2", "B"));
    CPPUNIT_ASSERT(Verdict::kReplayed == Ask(longest, 50, "t3", "C"));
    CPPUNIT_ASSERT(Verdict::kTaken == Ask("books2", 1, "t4", "C"));
  }

  void RefusesAFolderThatIsNotThere() {
    CPPUNIT_ASSERT_THROW(Ledger(folder_.path() + "/none"), store::StoreError);
  }

  // LMDB would end the worker by a signal, and every one after it: messages could not be served either.
  void RefusesPagesThatAreDamaged() {
    const std::string data = folder_.path() + "/data.mdb";
    for (int number = 0; number < 200; ++number) {
      CPPUNIT_ASSERT(Verdict::kTaken == Ask("name-" + std::to_string(number), 100, "t", "A"));
    }
    ledger_.reset();
    const auto size = std::filesystem::file_size(data);
    const auto page = static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
    std::filesystem::resize_file(data, 2 * page);
    CPPUNIT_ASSERT_THROW(Ledger(folder_.path()), store::StoreError);
    std::ofstream(data, std::ios::app | std::ios::binary) << std::string(size - 2 * page, '\xA5');
    CPPUNIT_ASSERT_THROW(Ledger(folder_.path()), store::StoreError);
  }

  // Another worker opens the new ones, and knows nothing of what this one would write.
  void WritesNothingOnceItsFilesWereReplaced() {
    Expect(Verdict::kTaken, 100, "t1", "A");
    const std::string data = folder_.path() + "/data.mdb";
    std::filesystem::copy_file(data, data + ".new");
    std::filesystem::rename(data + ".new", data);
    CPPUNIT_ASSERT_THROW(Ask("books", 200, "t2", "B"), store::StoreBroken);
  }

  void LocksANameForOneThreadAtATime() {
    const std::string file = folder_.path() + "/names.lock";
    // (The thread sanitizer does not know that locks of files order threads.)
    std::atomic<int> at_work = 0;
    std::atomic<int> most = 0;
    std::atomic<int> turns = 0;
    const auto work = [&] {
      for (int i = 0; i < 200; ++i) {
        const NameLock lock(file, "books");
        most = std::max(most.load(), ++at_work);
        ++turns;
        --at_work;
      }
    };
    std::thread other(work);
    {
      const NameLock independent(file, "another name");  // does not hold up the threads
      work();
    }
    other.join();
    CPPUNIT_ASSERT_EQUAL(1, most.load());
    CPPUNIT_ASSERT_EQUAL(400, turns.load());
    CPPUNIT_ASSERT_THROW(NameLock(folder_.path() + "/none/x", "books"), store::StoreError);
  }

 private:
  Verdict Ask(const std::string& name, std::uint64_t time, std::string tag, const std::string& content) {
    tag.resize(Ledger::kTagBytes, '.');
    return ledger_->Admit(name, {.time = time, .tag = tag, .content = crypto::HashSha256(content)});
  }

  void Expect(Verdict verdict, std::uint64_t time, const std::string& tag, const std::string& content) {
    CPPUNIT_ASSERT_MESSAGE(std::to_string(time) + " " + tag + " " + content,
                           verdict == Ask("books", time, tag, content));
  }

  TempFolder folder_;
  std::optional<Ledger> ledger_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LedgerTest);

}  // namespace
}  // namespace hashpost::drop
