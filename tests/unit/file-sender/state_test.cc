#include "file-sender/state.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "file-sender/state_reader.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::sender {
namespace {

using Kind = RecordKind;

FileStamp Stamp(std::uint64_t seconds) {
  FileStamp stamp;
  stamp.size = 5;
  stamp.mtime = stamp.ctime = seconds * kNanosecondsPerSecond;
  stamp.inode = 0xFFFFFFFFFFFFFFFF;
  return stamp;
}

FileRecord SomeRecord(Kind kind) {
  FileRecord record;
  record.kind = kind;
  record.delivered = crypto::HashSha256("old");
  record.content = crypto::HashSha256("new");
  record.stamp = Stamp(100);
  record.read_at = 200 * kNanosecondsPerSecond;
  record.token_time = 1;
  record.since = 2;
  record.settings = 3;
  record.reason = "It is \xC3\xBC.";
  return record;
}

class StateTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StateTest);
  CPPUNIT_TEST(KeepsARecordAcrossItsEnd);
  CPPUNIT_TEST(RefusesBytesThatAreNoRecord);
  CPPUNIT_TEST(TakesADamagedRecordForNone);
  CPPUNIT_TEST(RefusesPagesThatAreDamaged);
  CPPUNIT_TEST(TakesAnEmptyFileForNoState);
  CPPUNIT_TEST(WritesNothingWhenNothingChanged);
  CPPUNIT_TEST(ForgetsWhatIsQuarantinedAndNothingElse);
  CPPUNIT_TEST(TakesNamesOf255Bytes);
  CPPUNIT_TEST(IsLockedByOneSender);
  CPPUNIT_TEST(LooksAgainAtWhatMayHaveChanged);
  CPPUNIT_TEST_SUITE_END();

 public:
  void KeepsARecordAcrossItsEnd() {
    FileRecord none = SomeRecord(Kind::kPending);
    none.delivered.reset();
    {
      State state(folder_.path());
      CPPUNIT_ASSERT(!state.Get("a.json"));
      state.Put("a.json", SomeRecord(Kind::kQuarantined));
      state.Put("a.json", SomeRecord(Kind::kDelivered));
      state.Put("b.json", none);
    }
    const StateReader state(folder_.path());
    CPPUNIT_ASSERT(state.Get("a.json") == SomeRecord(Kind::kDelivered));
    CPPUNIT_ASSERT(state.Get("b.json") == none);
    std::vector<std::string> names;
    state.ForEach([&](std::string_view name, const FileRecord&) { names.emplace_back(name); });
    CPPUNIT_ASSERT((names == std::vector<std::string>{"a.json", "b.json"}));
  }

  void RefusesBytesThatAreNoRecord() {
    const std::string good = Encode(SomeRecord(Kind::kDelivered));
    CPPUNIT_ASSERT(Decode(good) == SomeRecord(Kind::kDelivered));
    const std::string other_version = '\2' + good.substr(1);
    const std::string other_kind = good.substr(0, 1) + '\7' + good.substr(2);
    for (const std::string& bad : {std::string(), good.substr(0, 100), other_version, other_kind}) {
      CPPUNIT_ASSERT(!Decode(bad));
    }
  }

  void TakesADamagedRecordForNone() {
    { const State makes_the_files(folder_.path()); }
    {
      const lmdb::Env env(folder_.path(), {.map_bytes = 1U << 20U, .max_readers = 2, .max_databases = 1});
      lmdb::WriteTxn txn(env);
      const lmdb::Database files = lmdb::OpenDatabase(txn, "files");
      constexpr std::string_view kGarbage = "garbage";
      kGarbage.copy(lmdb::Reserve(txn, files, "bad", kGarbage.size()), kGarbage.size());
      txn.Commit();
    }
    {
      State state(folder_.path());
      state.Put("good", SomeRecord(Kind::kQuarantined));
      CPPUNIT_ASSERT(!state.Get("bad"));
    }
    int seen = 0;
    StateReader(folder_.path()).ForEach([&](std::string_view, const FileRecord&) { ++seen; });
    CPPUNIT_ASSERT_EQUAL(1, seen);
    State state(folder_.path());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, state.ForgetQuarantined());
    state.Put("bad", SomeRecord(Kind::kDelivered));
    CPPUNIT_ASSERT(state.Get("bad") == SomeRecord(Kind::kDelivered));
  }

  // LMDB would end the process by a signal.
  void RefusesPagesThatAreDamaged() {
    const std::string data = folder_.path() + "/data.mdb";
    {
      State state(folder_.path());
      for (int number = 0; number < 200; ++number) {
        state.Put("file-" + std::to_string(number) + ".json", SomeRecord(Kind::kDelivered));
      }
    }
    const auto page = static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
    const std::uintmax_t size = std::filesystem::file_size(data);
    for (const std::uintmax_t pages : {10U, 3U, 2U}) {
      std::filesystem::resize_file(data, pages * page);
      ExpectDamage("page ");
    }
    std::ofstream(data, std::ios::app | std::ios::binary) << std::string(size - 2 * page, '\xA5');
    ExpectDamage("page ");
  }

  void TakesAnEmptyFileForNoState() {
    CPPUNIT_ASSERT(!StateReader::IsThere(folder_.path()));
    const std::ofstream makes_it(folder_.path() + "/data.mdb");
    CPPUNIT_ASSERT(!StateReader::IsThere(folder_.path()));
    State(folder_.path()).Put("a.json", SomeRecord(Kind::kDelivered));
    CPPUNIT_ASSERT(StateReader::IsThere(folder_.path()));
  }

  void WritesNothingWhenNothingChanged() {
    const FileRecord written = SomeRecord(Kind::kDelivered);
    FileRecord record = written;
    record.read_at += kNanosecondsPerSecond;
    CPPUNIT_ASSERT(!record.AddsTo(written));
    record.token_time = 7;
    CPPUNIT_ASSERT(record.AddsTo(written));
    // Read soon after its change, and again later: now it is certain.
    FileRecord soon = written;
    soon.read_at = 101 * kNanosecondsPerSecond;
    record = written;
    CPPUNIT_ASSERT(record.AddsTo(soon));
    // Its file system's clock is an hour ahead.
    FileRecord ahead = written;
    ahead.stamp = Stamp(3800);
    record = ahead;
    record.read_at += kNanosecondsPerSecond;
    CPPUNIT_ASSERT(!record.AddsTo(ahead));
    record.read_at += 2 * kNanosecondsPerSecond;
    CPPUNIT_ASSERT(record.AddsTo(ahead));
    CPPUNIT_ASSERT(record.IsSettled(Stamp(3800), 3));
    const FileRecord certain = record;
    record.read_at = ahead.read_at + 10 * kNanosecondsPerSecond;
    CPPUNIT_ASSERT(!record.AddsTo(certain));
    CPPUNIT_ASSERT(record.IsSettled(Stamp(3800), 3));
    // Another content with the same stamp, in the same step of that clock.
    record.content = crypto::HashSha256("newer");
    record.read_at = ahead.read_at + 10 * kNanosecondsPerSecond;
    CPPUNIT_ASSERT(record.AddsTo(ahead) && !record.IsSettled(Stamp(3800), 3));
  }

  void ForgetsWhatIsQuarantinedAndNothingElse() {
    State state(folder_.path());
    state.Put("a", SomeRecord(Kind::kQuarantined));
    state.Put("b", SomeRecord(Kind::kDelivered));
    state.Put("c", SomeRecord(Kind::kQuarantined));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, state.ForgetQuarantined());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, state.ForgetQuarantined());
    CPPUNIT_ASSERT(state.Get("a") == SomeRecord(Kind::kPending));
    CPPUNIT_ASSERT(state.Get("b") == SomeRecord(Kind::kDelivered));
  }

  void TakesNamesOf255Bytes() {
    State state(folder_.path());
    const std::string name(255, 'x');
    state.Put(name, SomeRecord(Kind::kQuarantined));
    CPPUNIT_ASSERT(state.Get(name).has_value());
  }

  void IsLockedByOneSender() {
    {
      const auto lock = SenderLock::Take(folder_.path());
      CPPUNIT_ASSERT(lock.has_value());
      CPPUNIT_ASSERT(!SenderLock::Take(folder_.path()).has_value());
    }
    CPPUNIT_ASSERT(SenderLock::Take(folder_.path()).has_value());
  }

  void LooksAgainAtWhatMayHaveChanged() {
    FileRecord record = SomeRecord(Kind::kDelivered);
    CPPUNIT_ASSERT(record.IsSettled(Stamp(100), 3));
    CPPUNIT_ASSERT(record.IsSettled(Stamp(100), 4));
    CPPUNIT_ASSERT(!record.IsSettled(Stamp(101), 3));
    CPPUNIT_ASSERT(!record.IsSettled(FileStamp(), 3));
    record.read_at =
        101 * kNanosecondsPerSecond;  // so soon after the change that another one may have the same stamp
    CPPUNIT_ASSERT(!record.IsSettled(Stamp(100), 3));
    record = SomeRecord(Kind::kQuarantined);
    CPPUNIT_ASSERT(record.IsSettled(Stamp(100), 3));
    CPPUNIT_ASSERT(!record.IsSettled(Stamp(100), 4));  // another receiver may take it
    CPPUNIT_ASSERT(!SomeRecord(Kind::kPending).IsSettled(Stamp(100), 3));
  }

 private:
  // Of all that opens the state, in words that name its folder.
  void ExpectDamage(const std::string& words) const {
    const auto expect = [&](const std::function<void()>& open) {
      try {
        open();
        CPPUNIT_FAIL("It was opened.");
      } catch (const std::runtime_error& error) {
        const std::string what = error.what();
        CPPUNIT_ASSERT_MESSAGE(what, what.find("STATUS_DB_PATH=" + folder_.path()) != std::string::npos);
        CPPUNIT_ASSERT_MESSAGE(what, what.find("data.mdb is damaged (" + words) != std::string::npos);
      }
    };
    expect([&] { const State state(folder_.path()); });
    expect([&] { const StateReader state(folder_.path()); });
  }

  TempFolder folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateTest);

}  // namespace
}  // namespace hashpost::sender
