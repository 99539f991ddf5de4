// Damaged stores: whatever is changed in the file, what can still be found is right, and the rest is noticed.

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "lib/lmdb/lmdb.h"
#include "store/lmdb_store.h"
#include "store/recover.h"
#include "store/store_check.h"
#include "tests/unit/store/conformance.h"
#include "tests/unit/store/in_child.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::store {
namespace {

constexpr std::uint64_t kMaxBytes = 64U << 20U;
constexpr std::size_t kPage = 4096;
constexpr int kMessages = 600;

std::string Message(int number) {
  return "message " + std::to_string(number) + std::string(number % 20 == 0 ? 9000 : number % 300, '.');
}

class DamageTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DamageTest);
  CPPUNIT_TEST(FindsNothingWrongInAWholeStore);
  CPPUNIT_TEST(FindsNothingWrongBehindAnyCommit);
  CPPUNIT_TEST(FindsNothingWrongWhileAReaderKeepsManyPagesFromUse);
  CPPUNIT_TEST(NoticesEveryPageThatIsZeroOrGarbage);
  CPPUNIT_TEST(NoticesAFewBytesOfGarbageAnywhere);
  CPPUNIT_TEST(NoticesAnOlderCopyOfAPage);
  CPPUNIT_TEST(CountsMessagesThatAPageForgot);
  CPPUNIT_TEST(DoesNotSayAbsentWhileAnythingIsDamaged);
  CPPUNIT_TEST(WritesNothingToADamagedTree);
  CPPUNIT_TEST(DoesNotTakeACommitThatWasCutShortForDamage);
  CPPUNIT_TEST(DoesNotTakeAMetaPageThatIsBeingWrittenForDamage);
  CPPUNIT_TEST(RecoversEverythingWithEitherMetaPageZero);
  CPPUNIT_TEST(RecoversWhatIsWholeAndLeavesTheDamagedStoreAlone);
  CPPUNIT_TEST(RecoversWhatIsBehindAKeyThatIsDamaged);
  CPPUNIT_TEST(DoesNotRecoverAStoreThatIsInUse);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    folder_ = std::make_unique<TempFolder>();
    digests_.clear();
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    for (int number = 0; number < kMessages; ++number) {
      const std::string message = Message(number);
      const Change change = Put(message);
      (void)store.Apply({&change, 1});
      digests_.insert(std::string(change.digest.Bytes()));
    }
    whole_ = ReadFile();
  }

  void FindsNothingWrongInAWholeStore() {
    std::set<std::string> found;
    CPPUNIT_ASSERT(!Notices(found));
    CPPUNIT_ASSERT(found == digests_);
    CPPUNIT_ASSERT(!LmdbStore({.folder = folder_->path(), .max_bytes = kMaxBytes}).CheckEverything().Any());
  }

  // The list of free pages has numbers of commits for keys, and 256 is behind 255 only as a number.
  void FindsNothingWrongBehindAnyCommit() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    for (int number = 0; number < 300; ++number) {
      const std::string message = "another message " + std::to_string(number);
      const Change change = Put(message);
      (void)store.Apply({&change, 1});
      const Damage damage = store.CheckEverything();
      CPPUNIT_ASSERT_MESSAGE(damage.first, !damage.Any());
    }
  }

  // Then the list of free pages has branch pages, too.
  void FindsNothingWrongWhileAReaderKeepsManyPagesFromUse() {
    std::array<int, 2> ready{};
    CPPUNIT_ASSERT(::pipe(ready.data()) == 0);
    const pid_t reader = StartChild([&] {
      const lmdb::Env env(folder_->path(), {.map_bytes = kMaxBytes, .max_readers = 4096, .max_databases = 2});
      const lmdb::ReadTxn pages_stay(env);
      if (::write(ready[1], "x", 1) != 1) return 1;
      return ::pause();
    });
    char byte = 0;
    CPPUNIT_ASSERT(::read(ready[0], &byte, 1) == 1);
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      for (int number = 0; number < 800; ++number) {
        const std::string message = "another message " + std::to_string(number);
        const Change change = Put(message);
        (void)store.Apply({&change, 1});
        if (number % 50 != 0) continue;
        const Damage damage = store.CheckEverything();
        CPPUNIT_ASSERT_MESSAGE(damage.first, !damage.Any());
      }
    }
    ::kill(reader, SIGKILL);
    AwaitChild(reader);
    for (const int end : ready) ::close(end);
  }

  void NoticesEveryPageThatIsZeroOrGarbage() {
    std::mt19937 random(1);
    for (std::size_t page = 0; page < whole_.size() / kPage; ++page) {
      for (const bool zero : {true, false}) {
        std::string bytes = whole_;
        for (std::size_t i = 0; i < kPage; ++i)
          bytes[page * kPage + i] = zero ? '\0' : static_cast<char>(random());
        ExpectNothingSilent(bytes, "page " + std::to_string(page));
      }
    }
  }

  void NoticesAFewBytesOfGarbageAnywhere() {
    std::mt19937 random(2);
    for (int round = 0; round < 700; ++round) {
      std::string bytes = whole_;
      const std::size_t size = 1 + random() % 40;
      const std::size_t at = random() % (bytes.size() - size);
      for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(random());
      ExpectNothingSilent(bytes, std::to_string(size) + " bytes at " + std::to_string(at));
    }
  }

  // A disk that lost a write: each record in the old page is whole.
  void NoticesAnOlderCopyOfAPage() {
    std::set<std::string> found;
    std::string bytes = whole_;
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      for (int number = kMessages; number < kMessages + 40; ++number) {
        const std::string message = Message(number);
        const Change change = Put(message);
        (void)store.Apply({&change, 1});
        digests_.insert(std::string(change.digest.Bytes()));
      }
    }
    const std::string later = ReadFile();
    for (std::size_t page = 2; page < bytes.size() / kPage; ++page) {
      std::string mixed = later;
      mixed.replace(page * kPage, kPage, bytes, page * kPage, kPage);
      ExpectNothingSilent(mixed, "old page " + std::to_string(page));
    }
  }

  // All that is left in the page is right: only LMDB's count tells.
  void CountsMessagesThatAPageForgot() {
    constexpr std::size_t kFlagsAt = 10;
    constexpr std::size_t kLowerAt = 12;
    int pages_that_lacked_one = 0;
    for (std::size_t page = 2; page < whole_.size() / kPage; ++page) {
      std::string bytes = whole_;
      auto* lower = reinterpret_cast<std::uint16_t*>(&bytes[page * kPage + kLowerAt]);
      if (bytes[page * kPage + kFlagsAt] != 2 || *lower < 20) continue;  // a leaf with two entries
      *lower = static_cast<std::uint16_t>(*lower - 2);
      ExpectNothingSilent(bytes, "page " + std::to_string(page));
      std::set<std::string> found;
      pages_that_lacked_one += Notices(found) ? 1 : 0;
    }
    CPPUNIT_ASSERT(pages_that_lacked_one > 5);
  }

  void DoesNotSayAbsentWhileAnythingIsDamaged() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    const auto absent = crypto::HashSha256("never stored");
    CPPUNIT_ASSERT(!store.Get(absent, kAdmitAll).has_value());
    Mark("records: one of them");
    CPPUNIT_ASSERT_THROW((void)store.Get(absent, kAdmitAll), StoreDamaged);
    CPPUNIT_ASSERT_THROW((void)store.Find(absent), StoreDamaged);
    const Change del{absent, std::nullopt};
    CPPUNIT_ASSERT_THROW((void)store.Apply({&del, 1}), StoreDamaged);
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256(Message(1)), kAdmitAll).has_value());
    CPPUNIT_ASSERT(store.KnownDamage() == "one of them");
    store.CheckWritable();
  }

  void WritesNothingToADamagedTree() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    Mark("tree: page 7");
    const Change put = Put("new");
    CPPUNIT_ASSERT_THROW((void)store.Apply({&put, 1}), StoreDamaged);
    CPPUNIT_ASSERT_THROW(store.CheckWritable(), StoreDamaged);
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256(Message(1)), kAdmitAll).has_value());
    std::filesystem::remove(folder_->path() + "/damage");
    CPPUNIT_ASSERT(Outcome::kCreated == store.Apply({&put, 1}).front());
  }

  // A writer that is killed in a commit may have written the meta page, and not yet told the readers.
  void DoesNotTakeACommitThatWasCutShortForDamage() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    const Change put = Put("of the commit that was cut short");
    (void)store.Apply({&put, 1});
    std::fstream lock(folder_->path() + "/lock.mdb", std::ios::binary | std::ios::in | std::ios::out);
    std::array<std::uint64_t, 16> words{};  // of its head; one is the newest commit that readers see
    lock.read(reinterpret_cast<char*>(words.data()), sizeof words);
    auto* const newest = std::ranges::find_if(
        words, [](std::uint64_t word) { return word > kMessages && word < 2 * kMessages; });
    CPPUNIT_ASSERT(newest != words.end());
    --*newest;
    lock.seekp((newest - words.begin()) * std::streamoff{sizeof *newest});
    lock.write(reinterpret_cast<const char*>(newest), sizeof *newest).flush();
    CPPUNIT_ASSERT(!store.Find(put.digest));  // no reader sees it
    CPPUNIT_ASSERT(!store.CheckEverything().Any());
    CPPUNIT_ASSERT(Outcome::kCreated == store.Apply({&put, 1}).front());
    CPPUNIT_ASSERT(!store.CheckEverything().Any());
  }

  // Half of a meta page is there when the thread that writes it loses the processor; the rest follows.
  void DoesNotTakeAMetaPageThatIsBeingWrittenForDamage() {
    StoreCheck check(folder_->path());
    const std::uint64_t newest = std::max(check.ReadMeta(0).transaction, check.ReadMeta(1).transaction);
    const std::size_t written = (newest + 1) % 2 * kPage;
    std::string half = whole_;
    half.replace(written, kPage / 2, kPage / 2, '\xff');
    WriteFile(half);
    const std::jthread writer([this] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::fstream(DataFile(), std::ios::binary | std::ios::in | std::ios::out) << whole_;
    });
    CPPUNIT_ASSERT(check.FindMeta(newest));
    CPPUNIT_ASSERT(!check.damage().Any());
  }

  void RecoversEverythingWithEitherMetaPageZero() {
    int complete = 0;
    for (const std::size_t page : {0U, 1U}) {
      std::string bytes = whole_;
      bytes.replace(page * kPage, kPage, kPage, '\0');
      WriteFile(bytes);
      const TempFolder into;
      const Recovery recovery = RecoverStore(folder_->path(), into.path(), kMaxBytes);
      CPPUNIT_ASSERT(recovery.may_be_older);  // the other one may have been
      CPPUNIT_ASSERT(!recovery.damage.Any());
      complete += recovery.messages == digests_.size() ? 1 : 0;
      CPPUNIT_ASSERT(recovery.messages + 1 >= digests_.size());  // all but the last commit
      LmdbStore store({.folder = into.path(), .max_bytes = kMaxBytes});
      CPPUNIT_ASSERT(Message(3) == store.Get(crypto::HashSha256(Message(3)), kAdmitAll)->bytes);
      CPPUNIT_ASSERT(!store.CheckEverything().Any());
    }
    CPPUNIT_ASSERT_EQUAL(1, complete);
  }

  void RecoversWhatIsWholeAndLeavesTheDamagedStoreAlone() {
    std::string bytes = whole_;
    const std::size_t at = bytes.find(Message(5));
    bytes.replace(at, 4, "XXXX");
    for (std::size_t next = bytes.find(Message(5)); next != std::string::npos; next = bytes.find(Message(5)))
      bytes.replace(next, 4, "XXXX");
    WriteFile(bytes);
    const TempFolder into;
    const Recovery recovery = RecoverStore(folder_->path(), into.path(), kMaxBytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, recovery.damage.records);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{digests_.size() - 1}, recovery.messages);
    CPPUNIT_ASSERT(!recovery.Complete());
    CPPUNIT_ASSERT(bytes == ReadFile());
    CPPUNIT_ASSERT_THROW((void)RecoverStore(folder_->path(), into.path(), kMaxBytes),
                         StoreError);  // not empty
  }

  // What is copied is committed now and then, as behind a message of this size.
  void RecoversWhatIsBehindAKeyThatIsDamaged() {
    const std::string large(std::size_t{16} << 20U, 'x');
    const Change put = Put(large);
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)store.Apply({&put, 1});
      for (const int number : {kMessages, kMessages + 1}) {  // so that both meta pages lead to it
        const std::string message = Message(number);
        const Change change = Put(message);
        (void)store.Apply({&change, 1});
        digests_.insert(std::string(change.digest.Bytes()));
      }
    }
    std::string bytes = ReadFile();
    const std::string key(put.digest.Bytes());
    CPPUNIT_ASSERT(digests_.upper_bound(key) != digests_.end());
    for (std::size_t at = bytes.find(key); at != std::string::npos; at = bytes.find(key)) bytes[at] = '\xff';
    WriteFile(bytes);
    const TempFolder into;
    const Recovery recovery = RecoverStore(folder_->path(), into.path(), kMaxBytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{digests_.size()}, recovery.messages);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, recovery.damage.records);
    CPPUNIT_ASSERT(recovery.damage.InTree());  // its key is at a wrong place
  }

  void DoesNotRecoverAStoreThatIsInUse() {
    const LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    const TempFolder into;
    CPPUNIT_ASSERT_THROW((void)RecoverStore(folder_->path(), into.path(), kMaxBytes), StoreError);
  }

 private:
  [[nodiscard]] std::string DataFile() const { return folder_->path() + "/data.mdb"; }
  [[nodiscard]] std::string ReadFile() const {
    std::ifstream in(DataFile(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void WriteFile(const std::string& bytes) const {
    std::ofstream(DataFile(), std::ios::binary | std::ios::trunc) << bytes;
  }
  void Mark(const std::string& text) const { std::ofstream(folder_->path() + "/damage") << text << "\n"; }

  // Whether a check of the file sees damage; `found`: the digests of the messages that are whole.
  bool Notices(std::set<std::string>& found) const {
    StoreCheck check(folder_->path());
    std::optional<lmdb::MetaPage> newest;
    try {
      for (const int which : {0, 1}) {
        const lmdb::MetaPage meta = check.ReadMeta(which);
        if (!newest || meta.transaction > newest->transaction) newest = meta;
      }
    } catch (const lmdb::PageDamaged&) {
      return true;
    }
    const auto meta = check.FindMeta(newest->transaction);
    if (!meta) return true;
    check.CheckTree(*meta, [] { return true; });
    std::optional<std::string> last = "";
    while (last) {
      last = check.CheckMessages(*meta, *last, 64 * kPage,
                                 [&](std::string_view digest, std::string_view) { found.emplace(digest); });
    }
    return check.damage().Any();
  }

  // What is found was stored, and if anything is missing, it is noticed.
  void ExpectNothingSilent(const std::string& bytes, const std::string& what) const {
    WriteFile(bytes);
    std::set<std::string> found;
    const bool noticed = Notices(found);
    CPPUNIT_ASSERT_MESSAGE(what, std::ranges::includes(digests_, found));
    CPPUNIT_ASSERT_MESSAGE(what, noticed || found == digests_);
  }

  std::unique_ptr<TempFolder> folder_;
  std::set<std::string> digests_;
  std::string whole_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DamageTest);

}  // namespace
}  // namespace hashpost::store
