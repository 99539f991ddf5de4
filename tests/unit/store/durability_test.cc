// What must be on the disk before anybody is told that it is there: the syncs of opening and of making
// folders.

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "fcgi-worker/drop/ledger.h"
#include "file-sender/state.h"
#include "lib/fernet/key_file.h"
#include "lib/io/folder.h"
#include "store/lmdb_store.h"
#include "tests/unit/system_calls.h"
#include "tests/unit/temp_folder.h"

namespace hashpost {
namespace {

constexpr std::uint64_t kMaxBytes = 64U << 20U;

class DurabilityTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DurabilityTest);
  CPPUNIT_TEST(SyncsAStoreWhenItIsOpened);
  CPPUNIT_TEST(SyncsTheFolderOfANewStoreAndTheOneAboveIt);
  CPPUNIT_TEST(DropsTheStoreFromMemoryBeforeItIsCheckedAfterAFailedSync);
  CPPUNIT_TEST(DoesNotSkipThatCheckIfTheMarkCannotBeLocked);
  CPPUNIT_TEST(SyncsTheLedgerOfTheDropWhenItIsOpened);
  CPPUNIT_TEST(SyncsTheSendersStateWhenItIsOpened);
  CPPUNIT_TEST(SyncsTheFolderOfANewKey);
  CPPUNIT_TEST(SyncsTheFolderAboveAFolderThatIsThere);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { folder_ = std::make_unique<TempFolder>(); }

  void SyncsAStoreWhenItIsOpened() {
    OpenStore();
    const SystemCalls calls;
    OpenStore();
    CPPUNIT_ASSERT(calls.Has("sync " + Path("data.mdb")));
  }

  void SyncsTheFolderOfANewStoreAndTheOneAboveIt() {
    const SystemCalls calls;
    OpenStore();
    CPPUNIT_ASSERT(calls.Has("sync " + folder_->path()));
    CPPUNIT_ASSERT(calls.Has("sync " + Parent()));
  }

  void DropsTheStoreFromMemoryBeforeItIsCheckedAfterAFailedSync() {
    OpenStore();
    std::ofstream(Path("suspect")).close();
    const SystemCalls calls;
    OpenStore();
    CPPUNIT_ASSERT(calls.Has("drop " + Path("data.mdb")));
    CPPUNIT_ASSERT(!std::filesystem::exists(Path("suspect")));
  }

  void DoesNotSkipThatCheckIfTheMarkCannotBeLocked() {
    OpenStore();
    std::ofstream(Path("suspect")).close();
    SystemCalls calls;
    calls.FailLocks();
    CPPUNIT_ASSERT_THROW(OpenStore(), store::StoreError);
    CPPUNIT_ASSERT(std::filesystem::exists(Path("suspect")));
  }

  void SyncsTheLedgerOfTheDropWhenItIsOpened() {
    { const drop::Ledger made(folder_->path()); }
    const SystemCalls calls;
    const drop::Ledger ledger(folder_->path());
    CPPUNIT_ASSERT(calls.Has("sync " + Path("data.mdb")));
    CPPUNIT_ASSERT(calls.Has("sync " + folder_->path()));
  }

  void SyncsTheSendersStateWhenItIsOpened() {
    { const sender::State made(folder_->path()); }
    const SystemCalls calls;
    const sender::State state(folder_->path());
    CPPUNIT_ASSERT(calls.Has("sync " + Path("data.mdb")));
    CPPUNIT_ASSERT(calls.Has("sync " + folder_->path()));
  }

  void SyncsTheFolderOfANewKey() {
    const SystemCalls calls;
    CPPUNIT_ASSERT(fernet::LoadOrCreateKeyFile(Path("key")).created);
    const auto all = calls.All();
    CPPUNIT_ASSERT(!all.empty());
    CPPUNIT_ASSERT_EQUAL("sync " + folder_->path(), all.back());  // the key itself before it
    CPPUNIT_ASSERT(all.size() > 1);
  }

  void SyncsTheFolderAboveAFolderThatIsThere() {
    const std::string made = Path("made");
    for (int i = 0; i < 2; ++i) {
      const SystemCalls calls;
      io::MakeFolder(made, 0700);
      CPPUNIT_ASSERT(calls.Has("sync " + folder_->path()));
    }
    const SystemCalls calls;
    io::SyncFolderOf(made + "/");
    CPPUNIT_ASSERT(calls.Has("sync " + folder_->path()));
  }

 private:
  void OpenStore() const {
    const store::LmdbStore store({.folder = folder_->path(), .max_bytes = kMaxBytes});
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }
  [[nodiscard]] std::string Parent() const { return std::filesystem::path(folder_->path()).parent_path(); }

  std::unique_ptr<TempFolder> folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DurabilityTest);

}  // namespace
}  // namespace hashpost
