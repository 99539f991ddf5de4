// A store whose files other processes have open, too: replaced files, and a larger HASHPOST_MAX_STORE_BYTES.

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/lmdb_store.h"
#include "tests/unit/store/conformance.h"
#include "tests/unit/store/in_child.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::store {
namespace {

constexpr std::uint64_t kSmall = 1U << 20U;  // its map is 64 MiB larger
constexpr std::uint64_t kLarge = 512U << 20U;

class SharedFilesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SharedFilesTest);
  CPPUNIT_TEST(WritesNothingOnceALockFileIsGone);
  CPPUNIT_TEST(WritesNothingOnceItsDataWasReplaced);
  CPPUNIT_TEST(RefusesToOpenBesideOneThatHasOtherFiles);
  CPPUNIT_TEST(OpensAgainOnceNobodyHasOtherFiles);
  CPPUNIT_TEST(AdoptsTheSizeOfALargerService);
  CPPUNIT_TEST(AdoptsTheSizeWhileThreadsRead);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { folder_ = std::make_unique<TempFolder>(); }

  void WritesNothingOnceALockFileIsGone() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("before")));
    std::filesystem::remove(Path("lock.mdb"));
    CPPUNIT_ASSERT_THROW((void)One(store, Put("after")), StoreBroken);
    CPPUNIT_ASSERT_THROW((void)One(store, Put("ever")), StoreBroken);
    CPPUNIT_ASSERT_THROW(store.CheckWritable(), StoreBroken);
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256("before"), kAdmitAll).has_value());
    CPPUNIT_ASSERT(!store.Find(crypto::HashSha256("after")).has_value());
  }

  void WritesNothingOnceItsDataWasReplaced() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    std::filesystem::copy_file(Path("data.mdb"), Path("copy"));
    std::filesystem::rename(Path("copy"), Path("data.mdb"));
    CPPUNIT_ASSERT_THROW((void)One(store, Put("after")), StoreBroken);
  }

  void RefusesToOpenBesideOneThatHasOtherFiles() {
    const LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    CPPUNIT_ASSERT(OpensElsewhere());
    std::filesystem::rename(Path("lock.mdb"), Path("lock.aside"));
    CPPUNIT_ASSERT(!OpensElsewhere());
    std::filesystem::rename(Path("lock.aside"), Path("lock.mdb"));
    CPPUNIT_ASSERT(OpensElsewhere());
    std::filesystem::rename(Path("data.mdb"), Path("data.aside"));
    CPPUNIT_ASSERT(!OpensElsewhere());
  }

  void OpensAgainOnceNobodyHasOtherFiles() {
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
      (void)One(store, Put("kept"));
      std::filesystem::remove(Path("lock.mdb"));
    }
    LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256("kept"), kAdmitAll).has_value());
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("more")));
  }

  void AdoptsTheSizeOfALargerService() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("small")));
    Grow();
    CPPUNIT_ASSERT(Outcome::kDeleted == One(store, Del("small")));
    CPPUNIT_ASSERT(Large(7) == store.Get(crypto::HashSha256(Large(7)), kAdmitAll)->bytes);
    CPPUNIT_ASSERT_THROW((void)One(store, Put("over its own limit")), StoreFull);
    CPPUNIT_ASSERT_THROW(store.CheckWritable(), StoreFull);
  }

  void AdoptsTheSizeWhileThreadsRead() {
    const std::string go = Path("go");
    // Forked before there are threads, which it would not have.
    const pid_t larger = StartChild([&] {
      while (!std::filesystem::exists(go)) std::this_thread::yield();
      return StoreLarge();
    });
    LmdbStore store({.folder = folder_->path(), .max_bytes = kSmall});
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("small")));
    std::atomic<bool> stop = false;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        while (!stop) {
          try {
            if (!store.Get(crypto::HashSha256("small"), kAdmitAll)) ++wrong;
          } catch (const std::exception&) {
            ++wrong;
          }
        }
      });
    }
    std::ofstream(go).close();
    CPPUNIT_ASSERT_EQUAL(0, AwaitChild(larger));
    for (int i = 0; i < 100; ++i) {
      if (!store.Holds(crypto::HashSha256("small"), "small")) ++wrong;
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT_EQUAL(0, wrong.load());
    CPPUNIT_ASSERT(store.Find(crypto::HashSha256(Large(0))).has_value());
  }

 private:
  static Outcome One(MessageStore& store, const Change& change) { return store.Apply({&change, 1}).front(); }
  static std::string Large(int number) { return std::string(10U << 20U, static_cast<char>('a' + number)); }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  // As a service that may store more does: the file grows past the map of one with kSmall.
  [[nodiscard]] int StoreLarge() const {
    LmdbStore larger({.folder = folder_->path(), .max_bytes = kLarge});
    for (int number = 0; number < 8; ++number) {
      const std::string message = Large(number);
      if (One(larger, Put(message)) != Outcome::kCreated) return 1;
    }
    return 0;
  }
  void Grow() const {
    CPPUNIT_ASSERT_EQUAL(0, InChild([&] { return StoreLarge(); }));
  }

  [[nodiscard]] bool OpensElsewhere() const {
    return InChild([&] {
             const LmdbStore other({.folder = folder_->path(), .max_bytes = kSmall});
             return 0;
           }) == 0;
  }

  std::unique_ptr<TempFolder> folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SharedFilesTest);

}  // namespace
}  // namespace hashpost::store
