// Entries of a store whose size is damaged: LMDB believes it, and whoever reads that much leaves the file.

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "store/lmdb_store.h"
#include "tests/unit/store/conformance.h"
#include "tests/unit/store/in_child.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::store {
namespace {

class DamagedSizeTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DamagedSizeTest);
  CPPUNIT_TEST(DamagesTheRecordIfItHasPagesOfItsOwn);
  CPPUNIT_TEST(DamagesTheStoreIfTheRecordIsInThePageOfItsEntry);
  CPPUNIT_TEST_SUITE_END();

 public:
  // (In a process of its own, which a bus error would end.)
  void DamagesTheRecordIfItHasPagesOfItsOwn() {
    const std::string large(9000, 'x');
    StoreAndDamage(large, kHasPages);
    CPPUNIT_ASSERT_EQUAL(0, InChild([&] {
                           LmdbStore store(Options());
                           const Change put = Put(large);
                           CPPUNIT_ASSERT_THROW((void)store.Get(put.digest, kAdmitAll), RecordDamaged);
                           CPPUNIT_ASSERT(!store.Holds(put.digest, large));
                           CPPUNIT_ASSERT(store.Get(crypto::HashSha256("other"), kAdmitAll).has_value());
                           CPPUNIT_ASSERT(Outcome::kCreated == store.Apply({&put, 1}).front());
                           CPPUNIT_ASSERT(large == store.Get(put.digest, kAdmitAll)->bytes);
                           return 0;
                         }));
  }

  void DamagesTheStoreIfTheRecordIsInThePageOfItsEntry() {
    const std::string small = "small";
    StoreAndDamage(small, kInPage);
    CPPUNIT_ASSERT_EQUAL(0, InChild([&] {
                           LmdbStore store(Options());
                           const Change put = Put(small);
                           CPPUNIT_ASSERT_THROW((void)store.Get(put.digest, kAdmitAll), StoreDamaged);
                           CPPUNIT_ASSERT_THROW((void)store.Find(put.digest), StoreDamaged);
                           CPPUNIT_ASSERT(store.Get(crypto::HashSha256("other"), kAdmitAll).has_value());
                           return 0;
                         }));
  }

 private:
  static constexpr char kInPage = 0;
  static constexpr char kHasPages = 1;

  [[nodiscard]] LmdbStoreOptions Options() const {
    return {.folder = folder_.path(), .max_bytes = std::uint64_t{64} << 20U};
  }

  // Stores two messages; then the entry of the first one states 32 MiB more, which is more than the file has.
  void StoreAndDamage(const std::string& message, char kind) const {
    {
      LmdbStore store(Options());
      for (const std::string& each : {message, std::string("other")}) {
        const Change put = Put(each);
        (void)store.Apply({&put, 1});
      }
    }
    const std::string file = folder_.path() + "/data.mdb";
    std::ifstream in(file, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const std::string entry = std::string{0, 0, kind, 0, 32, 0}.append(crypto::HashSha256(message).Bytes());
    std::size_t found = 0;
    for (std::size_t at = bytes.find(entry); at != std::string::npos; at = bytes.find(entry, at + 1)) {
      bytes[at + 1] = 2;
      ++found;
    }
    CPPUNIT_ASSERT(found > 0);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  const TempFolder folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(DamagedSizeTest);

}  // namespace
}  // namespace hashpost::store
