#include "lib/memory/budget.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace hashpost::memory {
namespace {

constexpr std::size_t kPiece = Budget::kFree + 1;  // the smallest that counts

class BudgetTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BudgetTest);
  CPPUNIT_TEST(GrantsAllOfItAndNotAByteMore);
  CPPUNIT_TEST(GivesBackWhenAShareEnds);
  CPPUNIT_TEST(TakesNothingForWhatItRefuses);
  CPPUNIT_TEST(CountsNothingForSmallRequests);
  CPPUNIT_TEST(KeepsAShareThatMovesUntilItsLastHolderEnds);
  CPPUNIT_TEST(GivesBackAtOnceWhatAnAssignmentReplaces);
  CPPUNIT_TEST(GrantsWhatFitsWhileOthersAreRefused);
  CPPUNIT_TEST(GrantsManyTakersNoMoreThanItHas);
  CPPUNIT_TEST_SUITE_END();

 public:
  void GrantsAllOfItAndNotAByteMore() {
    Budget budget(2 * kPiece);
    CPPUNIT_ASSERT(!budget.Take(2 * kPiece + 1));
    CPPUNIT_ASSERT(!budget.Take(SIZE_MAX));
    const auto all = budget.Take(2 * kPiece);
    CPPUNIT_ASSERT(all);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, Left(budget));
  }

  void GivesBackWhenAShareEnds() {
    Budget budget(3 * kPiece);
    {
      const auto first = budget.Take(kPiece);
      const auto second = budget.Take(kPiece);
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Left(budget));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, Left(budget));
  }

  void TakesNothingForWhatItRefuses() {
    Budget budget(3 * kPiece);
    for (int i = 0; i < 10; ++i) CPPUNIT_ASSERT(!budget.Take(4 * kPiece));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, Left(budget));
  }

  void CountsNothingForSmallRequests() {
    Budget budget(kPiece);
    const auto all = budget.Take(kPiece);
    for (int i = 0; i < 10; ++i) CPPUNIT_ASSERT(budget.Take(Budget::kFree));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, Left(budget));
  }

  // A share that was dropped with the first of its holders would make the bound void.
  void KeepsAShareThatMovesUntilItsLastHolderEnds() {
    Budget budget(3 * kPiece);
    {
      Budget::Share last;
      {
        auto first = budget.Take(2 * kPiece);
        Budget::Share second(std::move(*first));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Left(budget));
        last = std::move(second);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Left(budget));
      }
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, Left(budget));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, Left(budget));
  }

  void GivesBackAtOnceWhatAnAssignmentReplaces() {
    Budget budget(3 * kPiece);
    auto held = budget.Take(2 * kPiece);
    auto other = budget.Take(kPiece);
    *held = std::move(*other);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, Left(budget));
    *held = Budget::Share();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, Left(budget));
  }

  // Taking and giving back in a refusal would show others a budget that is smaller for a moment.
  void GrantsWhatFitsWhileOthersAreRefused() {
    Budget budget(2 * kPiece);
    std::atomic<bool> over{false};
    std::vector<std::thread> refused;
    for (int i = 0; i < 3; ++i) {
      refused.emplace_back([&] {
        while (!over) {
          if (budget.Take(3 * kPiece)) over = true;
        }
      });
    }
    bool always = true;
    for (int i = 0; i < 200'000 && always; ++i) always = budget.Take(2 * kPiece).has_value();
    const bool granted_too_much = over.exchange(true);
    for (std::thread& thread : refused) thread.join();
    CPPUNIT_ASSERT(always);
    CPPUNIT_ASSERT(!granted_too_much);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, Left(budget));
  }

  void GrantsManyTakersNoMoreThanItHas() {
    constexpr int kHas = 3;
    Budget budget(kHas * kPiece);
    std::atomic<int> held{0};
    std::atomic<int> most{0};
    std::vector<std::thread> takers;
    for (int i = 0; i < 4; ++i) {
      takers.emplace_back([&] {
        for (int round = 0; round < 50'000; ++round) {
          const auto share = budget.Take(kPiece);
          if (!share) continue;
          const int now = ++held;
          for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
          }
          --held;
        }
      });
    }
    for (std::thread& thread : takers) thread.join();
    CPPUNIT_ASSERT(most <= kHas);
    CPPUNIT_ASSERT_EQUAL(std::size_t{kHas}, Left(budget));
  }

 private:
  // How many pieces are left.
  static std::size_t Left(Budget& budget) {
    std::vector<Budget::Share> shares;
    while (auto share = budget.Take(kPiece)) shares.push_back(std::move(*share));
    return shares.size();
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BudgetTest);

}  // namespace
}  // namespace hashpost::memory
