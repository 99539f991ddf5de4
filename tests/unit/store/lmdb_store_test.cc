#include "store/lmdb_store.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/store/conformance.h"
#include "tests/unit/store/in_child.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::store {
namespace {

constexpr std::uint64_t kMaxBytes = 64U << 20U;

class LmdbFixture {
 public:
  std::unique_ptr<MessageStore> Open() const {
    return std::make_unique<LmdbStore>(LmdbStoreOptions{.folder = folder_.path(), .max_bytes = kMaxBytes});
  }

  // LMDB must not be opened twice in a process, nor used after fork(): the child opens it before anything
  // else.
  void InOtherProcess(const std::function<bool(MessageStore&)>& work) const {
    const pid_t child = ::fork();
    if (child == 0) {
      bool good = false;
      try {
        good = work(*Open());
      } catch (const std::exception&) {
        good = false;
      }
      ::_exit(good ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CPPUNIT_ASSERT_EQUAL(0, status);
  }

 private:
  TempFolder folder_;
};

using LmdbConformance = StoreConformance<LmdbFixture>;
CPPUNIT_TEST_SUITE_REGISTRATION(LmdbConformance);

class LmdbStoreTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LmdbStoreTest);
  CPPUNIT_TEST(RefusesPutsAtTheLimitAndTakesDeletes);
  CPPUNIT_TEST(StoresNothingOfABatchThatDoesNotFit);
  CPPUNIT_TEST(NoticesADamagedRecordAndServesTheOthers);
  CPPUNIT_TEST(ReplacesADamagedRecordWhenItsMessageIsPutAgain);
  CPPUNIT_TEST(RefusesAFormatThatItDoesNotKnow);
  CPPUNIT_TEST(NamesTheFolderThatCannotBeOpened);
  CPPUNIT_TEST(GivesSingleWritersTheirTurnBesideUploadsThatNeverPause);
  CPPUNIT_TEST(KeepsItsFilesFromStrangers);
  CPPUNIT_TEST(ChecksEveryMessageAfterAFailedSync);
  CPPUNIT_TEST(RefusesWritesWhileASyncLeftDamage);
  CPPUNIT_TEST(ClearsReadersThatDied);
  CPPUNIT_TEST(DeletesOnAFullDiskWherePutsAreRefused);
  CPPUNIT_TEST(EndsTheProcessAndNamesTheMessageWhenThePageCannotBeRead);
  CPPUNIT_TEST(RefusesToStartIfTheMarkOfAFailedSyncCannotBeOpened);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { folder_ = std::make_unique<TempFolder>(); }

  void RefusesPutsAtTheLimitAndTakesDeletes() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = 1U << 20U});
    std::vector<std::string> kept;
    bool full = false;
    for (int i = 0; i < 1000 && !full; ++i) {
      kept.push_back(std::to_string(i) + std::string(8000, 'x'));
      try {
        (void)One(store, Put(kept.back()));
      } catch (const StoreFull&) {
        full = true;
        kept.pop_back();
      }
    }
    CPPUNIT_ASSERT(full);
    CPPUNIT_ASSERT(kept.size() > 50);
    CPPUNIT_ASSERT_THROW(store.CheckWritable(), StoreFull);
    for (const std::string& message : kept) {
      CPPUNIT_ASSERT(store.Get(crypto::HashSha256(message), kAdmitAll).has_value());
    }
    for (const std::string& message : kept) CPPUNIT_ASSERT(Outcome::kDeleted == One(store, Del(message)));
    store.CheckWritable();
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("room again")));
  }

  void StoresNothingOfABatchThatDoesNotFit() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = 1U << 20U});
    const std::string small = "small";
    const std::string huge(200U << 20U, 'x');
    const std::vector<Change> changes = {Put(small), {crypto::HashSha256("huge"), huge}};
    CPPUNIT_ASSERT_THROW((void)store.Apply(changes), StoreFull);
    CPPUNIT_ASSERT(!store.Find(crypto::HashSha256(small)).has_value());
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put(small)));
  }

  void NoticesADamagedRecordAndServesTheOthers() {
    const std::string damaged = "this record will be damaged";
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put(damaged));
      (void)One(store, Put("whole"));
    }
    FlipByteOf(damaged);
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    CPPUNIT_ASSERT_THROW((void)store.Get(crypto::HashSha256(damaged), kAdmitAll), RecordDamaged);
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256("whole"), kAdmitAll).has_value());
  }

  void ReplacesADamagedRecordWhenItsMessageIsPutAgain() {
    const std::string damaged = "this record will be damaged";
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put(damaged));
    }
    FlipByteOf(damaged);
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    CPPUNIT_ASSERT(!store.Holds(crypto::HashSha256(damaged), damaged));
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put(damaged)));
    CPPUNIT_ASSERT(store.Holds(crypto::HashSha256(damaged), damaged));
    CPPUNIT_ASSERT(Outcome::kExisted == One(store, Put(damaged)));
    CPPUNIT_ASSERT(damaged == store.Get(crypto::HashSha256(damaged), kAdmitAll)->bytes);
  }

  void RefusesAFormatThatItDoesNotKnow() {
    {
      const lmdb::Env env(folder_->path(), {.map_bytes = kMaxBytes, .max_readers = 126, .max_databases = 2});
      lmdb::WriteTxn txn(env);
      *lmdb::Reserve(txn, lmdb::OpenDatabase(txn, "meta"), "format", 1) = '9';
      txn.Commit();
    }
    try {
      const LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      CPPUNIT_FAIL("opened");
    } catch (const StoreError& error) {
      CPPUNIT_ASSERT(std::string(error.what()).find("format 9") != std::string::npos);
    }
  }

  void GivesSingleWritersTheirTurnBesideUploadsThatNeverPause() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    std::atomic<bool> stop = false;
    std::atomic<int> batches = 0;
    std::vector<std::thread> uploads;
    for (int upload = 0; upload < 3; ++upload) {
      uploads.emplace_back([&, upload] {
        for (int batch = 0; !stop; ++batch) {
          const std::string message = std::to_string(upload) + "/" + std::to_string(batch);
          const Change change = Put(message);
          if (store.AwaitBulkTurn()->Apply({&change, 1}).front() == Outcome::kCreated) ++batches;
        }
      });
    }
    while (batches < 3) std::this_thread::yield();
    for (int single = 0; single < 50; ++single) {
      const std::string message = "single " + std::to_string(single);
      CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put(message)));
    }
    const int until_then = batches;
    while (batches < until_then + 3) std::this_thread::yield();  // nor do single writers shut out uploads
    stop = true;
    for (std::thread& upload : uploads) upload.join();
  }

  void NamesTheFolderThatCannotBeOpened() {
    try {
      const LmdbStore store({.folder = folder_->path() + "/missing", .max_bytes = kMaxBytes});
      CPPUNIT_FAIL("opened");
    } catch (const StoreError& error) {
      CPPUNIT_ASSERT(std::string(error.what()).find("/missing") != std::string::npos);
    }
  }

  void KeepsItsFilesFromStrangers() {
    const LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    for (const char* name : {"/data.mdb", "/lock.mdb"}) {
      struct stat info {};
      CPPUNIT_ASSERT_EQUAL(0, ::stat((folder_->path() + name).c_str(), &info));
      CPPUNIT_ASSERT_EQUAL(0U, info.st_mode & 07U);
    }
  }

  void ChecksEveryMessageAfterAFailedSync() {
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put("whole"));
    }
    const std::string suspect = folder_->path() + "/suspect";
    std::ofstream(suspect).close();
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    CPPUNIT_ASSERT(!std::filesystem::exists(suspect));
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256("whole"), kAdmitAll).has_value());
  }

  void RefusesWritesWhileASyncLeftDamage() {
    const std::string damaged = "this record will be damaged";
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put(damaged));
    }
    FlipByteOf(damaged);
    const std::string suspect = folder_->path() + "/suspect";
    std::ofstream(suspect).close();
    CPPUNIT_ASSERT_THROW(LmdbStore({.folder = folder_->path(), .max_bytes = kMaxBytes}), StoreBroken);
    CPPUNIT_ASSERT(std::filesystem::exists(suspect));
  }

  void DeletesOnAFullDiskWherePutsAreRefused() {
    {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put("kept"));
    }
    // As on a disk that has less left than is kept back.
    LmdbStore store(
        {.folder = folder_->path(), .max_bytes = kMaxBytes, .min_free_bytes = std::uint64_t{1} << 60U});
    CPPUNIT_ASSERT_THROW((void)One(store, Put("new")), StoreFull);
    CPPUNIT_ASSERT_THROW(store.CheckWritable(), StoreFull);
    CPPUNIT_ASSERT(store.Get(crypto::HashSha256("kept"), kAdmitAll).has_value());
    CPPUNIT_ASSERT(Outcome::kDeleted == One(store, Del("kept")));
  }

  void EndsTheProcessAndNamesTheMessageWhenThePageCannotBeRead() {
    const std::string message(1 << 20, 'x');
    const std::string log = folder_->path() + "/log";
    const int status = InChild([&] {
      LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
      (void)One(store, Put(message));
      if (::freopen(log.c_str(), "w", stderr) == nullptr) return 3;
      // A page of the map that no file stands behind is SIGBUS, like one that the disk cannot read.
      std::filesystem::resize_file(folder_->path() + "/data.mdb", 64U << 10U);
      return store.Get(crypto::HashSha256(message), kAdmitAll).has_value() ? 1 : 2;
    });
    CPPUNIT_ASSERT(WIFEXITED(status));
    CPPUNIT_ASSERT_EQUAL(74, WEXITSTATUS(status));
    std::ifstream in(log);
    const std::string said{std::istreambuf_iterator<char>(in), {}};
    CPPUNIT_ASSERT(said.find(crypto::HashSha256(message).Hex()) != std::string::npos);
  }

  void RefusesToStartIfTheMarkOfAFailedSyncCannotBeOpened() {
    { const LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes}); }
    // Whatever keeps it from being read: here that it leads nowhere.
    std::filesystem::create_symlink("suspect", folder_->path() + "/suspect");
    CPPUNIT_ASSERT_THROW(LmdbStore({.folder = folder_->path(), .max_bytes = kMaxBytes}), StoreError);
  }

  void ClearsReadersThatDied() {
    LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
    const pid_t child = ::fork();
    if (child == 0) {
      const lmdb::Env env(folder_->path(), {.map_bytes = kMaxBytes, .max_readers = 126, .max_databases = 2});
      const lmdb::ReadTxn reader(env);
      ::_exit(0);  // without giving its slot back
    }
    ::waitpid(child, nullptr, 0);
    store.Maintain();
    CPPUNIT_ASSERT(Outcome::kCreated == One(store, Put("still works")));
  }

 private:
  static Outcome One(MessageStore& store, const Change& change) { return store.Apply({&change, 1}).front(); }

  // Changes one byte of a record's message in the file, which starts with anything but a T.
  void FlipByteOf(const std::string& message) const {
    const std::string file = folder_->path() + "/data.mdb";
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    stream.clear();
    // LMDB writes changed pages elsewhere, so the file may hold older copies of it too.
    for (std::size_t at = bytes.find(message); at != std::string::npos; at = bytes.find(message, at + 1)) {
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put('T');
    }
    CPPUNIT_ASSERT(stream.good());
  }

  std::unique_ptr<TempFolder> folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(LmdbStoreTest);

}  // namespace
}  // namespace hashpost::store
