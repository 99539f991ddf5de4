// What every MessageStore must do. A store's test derives from StoreConformance<Fixture>, where Fixture opens
// the store afresh with Open() and can open it a second time beside itself with OpenAgain().

#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/message_store.h"

namespace hashpost::store {

inline const Admit kAdmitAll = [](std::size_t) {};

inline Change Put(std::string_view message) {
  return {crypto::HashSha256(message), message};
}
inline Change Del(std::string_view message) {
  return {crypto::HashSha256(message), std::nullopt};
}

template <typename Fixture>
class StoreConformance : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StoreConformance);
  CPPUNIT_TEST(SaysCreatedOnceAndExistedAfterwards);
  CPPUNIT_TEST(GivesBackTheBytesThatWerePut);
  CPPUNIT_TEST(DeletesWhatIsThereAndSaysAbsentOtherwise);
  CPPUNIT_TEST(AppliesChangesOfOneDigestInTheirOrder);
  CPPUNIT_TEST(AppliesALargeBatchInAnyOrderOfDigests);
  CPPUNIT_TEST(DoesNothingForAnEmptyBatch);
  CPPUNIT_TEST(AsksBeforeItCopies);
  CPPUNIT_TEST(FindsWithoutReading);
  CPPUNIT_TEST(SaysWhetherItHoldsAMessage);
  CPPUNIT_TEST(ShowsACommitToASecondOpener);
  CPPUNIT_TEST(SurvivesReopening);
  CPPUNIT_TEST(ServesManyThreads);
  CPPUNIT_TEST(IsWritableWhenThereIsRoom);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { store_ = fixture_.Open(); }
  void tearDown() override { store_.reset(); }

  void SaysCreatedOnceAndExistedAfterwards() {
    CPPUNIT_ASSERT(Outcome::kCreated == One(Put("foo")));
    CPPUNIT_ASSERT(Outcome::kExisted == One(Put("foo")));
  }

  void GivesBackTheBytesThatWerePut() {
    const std::vector<std::string> messages = {
        "", "foo", std::string("a\0b", 3), "\xc3\xa9", std::string(4065, 'x'), std::string(1 << 20, 'y')};
    for (const std::string& message : messages) {
      CPPUNIT_ASSERT(Outcome::kCreated == One(Put(message)));
      const auto found = store_->Get(crypto::HashSha256(message), kAdmitAll);
      CPPUNIT_ASSERT(found.has_value());
      CPPUNIT_ASSERT(message == found->bytes);
      CPPUNIT_ASSERT(found->created_ms > 1'700'000'000'000);
    }
    CPPUNIT_ASSERT(!store_->Get(crypto::HashSha256("never put"), kAdmitAll).has_value());
  }

  void DeletesWhatIsThereAndSaysAbsentOtherwise() {
    CPPUNIT_ASSERT(Outcome::kAbsent == One(Del("foo")));
    CPPUNIT_ASSERT(Outcome::kCreated == One(Put("foo")));
    CPPUNIT_ASSERT(Outcome::kDeleted == One(Del("foo")));
    CPPUNIT_ASSERT(!store_->Get(crypto::HashSha256("foo"), kAdmitAll).has_value());
    CPPUNIT_ASSERT(!store_->Find(crypto::HashSha256("foo")).has_value());
  }

  void AppliesChangesOfOneDigestInTheirOrder() {
    const std::string foo = "foo";
    std::vector<Change> changes = {Put(foo), Put(foo), Del(foo), Del(foo), Put(foo)};
    const std::vector<Outcome> expected = {Outcome::kCreated, Outcome::kExisted, Outcome::kDeleted,
                                           Outcome::kAbsent, Outcome::kCreated};
    CPPUNIT_ASSERT(expected == store_->Apply(changes));
  }

  void AppliesALargeBatchInAnyOrderOfDigests() {
    std::vector<std::string> messages;
    for (int i = 0; i < 500; ++i) messages.push_back("message " + std::to_string(i));
    std::vector<Change> changes;
    for (const std::string& message : messages) changes.push_back(Put(message));
    changes.push_back(Del(messages[7]));
    const auto outcomes = store_->Apply(changes);
    CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{500},
                         std::count(outcomes.begin(), outcomes.end(), Outcome::kCreated));
    CPPUNIT_ASSERT(Outcome::kDeleted == outcomes.back());
    CPPUNIT_ASSERT(!store_->Find(crypto::HashSha256(messages[7])).has_value());
    CPPUNIT_ASSERT(store_->Find(crypto::HashSha256(messages[8])).has_value());
  }

  void DoesNothingForAnEmptyBatch() { CPPUNIT_ASSERT(store_->Apply({}).empty()); }

  void AsksBeforeItCopies() {
    CPPUNIT_ASSERT(Outcome::kCreated == One(Put("four")));
    std::size_t asked = 0;
    const auto refuse = [&](std::size_t bytes) {
      asked = bytes;
      throw std::length_error("no");
    };
    CPPUNIT_ASSERT_THROW((void)store_->Get(crypto::HashSha256("four"), refuse), std::length_error);
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, asked);
    CPPUNIT_ASSERT(store_->Get(crypto::HashSha256("four"), kAdmitAll).has_value());
  }

  void FindsWithoutReading() {
    CPPUNIT_ASSERT(Outcome::kCreated == One(Put("four")));
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, store_->Find(crypto::HashSha256("four"))->size);
  }

  void SaysWhetherItHoldsAMessage() {
    const std::string foo = "foo";
    CPPUNIT_ASSERT(!store_->Holds(crypto::HashSha256(foo), foo));
    (void)One(Put(foo));
    CPPUNIT_ASSERT(store_->Holds(crypto::HashSha256(foo), foo));
  }

  void ShowsACommitToASecondOpener() {
    (void)One(Put("seen by both"));
    fixture_.InOtherProcess([](MessageStore& other) {
      if (!other.Get(crypto::HashSha256("seen by both"), kAdmitAll)) return false;
      const std::string reply = "written by the other";
      const std::vector<Change> changes = {Put(reply)};
      return other.Apply(changes).front() == Outcome::kCreated;
    });
    CPPUNIT_ASSERT(store_->Get(crypto::HashSha256("written by the other"), kAdmitAll).has_value());
  }

  void SurvivesReopening() {
    (void)One(Put("kept"));
    store_.reset();
    store_ = fixture_.Open();
    CPPUNIT_ASSERT(store_->Get(crypto::HashSha256("kept"), kAdmitAll).has_value());
  }

  void ServesManyThreads() {
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          const std::string message = std::to_string(t) + "/" + std::to_string(i);
          const std::vector<Change> changes = {Put(message)};
          if (store_->Apply(changes).front() != Outcome::kCreated) ++wrong;
          const auto found = store_->Get(crypto::HashSha256(message), kAdmitAll);
          if (!found || found->bytes != message) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CPPUNIT_ASSERT_EQUAL(0, wrong.load());
  }

  void IsWritableWhenThereIsRoom() {
    store_->CheckWritable();
    store_->Maintain();
  }

 protected:
  Outcome One(const Change& change) { return store_->Apply({&change, 1}).front(); }

  Fixture fixture_;
  std::unique_ptr<MessageStore> store_;
};

}  // namespace hashpost::store
