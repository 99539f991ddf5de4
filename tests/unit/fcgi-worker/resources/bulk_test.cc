#include "fcgi-worker/resources/bulk.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk_batch.h"
#include "lib/json/json.h"
#include "tests/unit/fcgi-worker/test_exchange.h"

namespace hashpost::resources {
namespace {

// Keeps messages in memory; batches with certain messages fail.
class FakeStore : public store::MessageStore {
 public:
  class FakeTurn : public CommitTurn {
   public:
    explicit FakeTurn(FakeStore& store) : store_(store) {}
    [[nodiscard]] std::vector<store::Outcome> Apply(std::span<const store::Change> changes) override {
      return store_.Commit(changes);
    }

   private:
    FakeStore& store_;
  };
  [[nodiscard]] std::unique_ptr<CommitTurn> AwaitTurn() override { return std::make_unique<FakeTurn>(*this); }
  [[nodiscard]] std::vector<store::Outcome> Commit(std::span<const store::Change> changes) {
    batches.push_back(changes.size());
    for (const store::Change& change : changes) {
      if (*change.message == "full") throw store::StoreFull("is full");
      if (*change.message == "away") throw store::StoreUnavailable("is away");
      if (*change.message == "broken") throw store::StoreBroken("is broken");
    }
    std::vector<store::Outcome> outcomes;
    for (const store::Change& change : changes) {
      const bool fresh = messages.emplace(change.digest, *change.message).second;
      outcomes.push_back(fresh ? store::Outcome::kCreated : store::Outcome::kExisted);
    }
    return outcomes;
  }
  [[nodiscard]] std::optional<store::StoredMessage> Get(const store::Digest&, const store::Admit&) override {
    return {};
  }
  [[nodiscard]] bool Holds(const store::Digest&, std::string_view) override { return false; }
  [[nodiscard]] std::optional<store::MessageInfo> Find(const store::Digest&) override { return {}; }
  void CheckWritable() override {}
  void Maintain() override {}

  std::map<store::Digest, std::string> messages;
  std::vector<std::size_t> batches;
};

std::string Line(const std::string& message) {
  std::string line = "{\"message\":";
  json::AppendString(line, message);
  return line + "}\n";
}

std::string Stored(int status, const std::string& message) {
  return "{\"status\":" + std::to_string(status) + ",\"digest\":\"" + crypto::HashSha256(message).Hex() +
         "\"}\n";
}

class BulkTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BulkTest);
  CPPUNIT_TEST(AnswersEachLineInOrder);
  CPPUNIT_TEST(TellsWhatIsWrongWithALineAndGoesOn);
  CPPUNIT_TEST(TakesALastLineWithoutItsEndIfTheContentCameWhole);
  CPPUNIT_TEST(ForgetsALastLineThatDidNotComeWhole);
  CPPUNIT_TEST(BoundsABatchByLinesAndBytes);
  CPPUNIT_TEST(FindsTheLinesThatDoNotFit);
  CPPUNIT_TEST(GivesEveryLineOfAnUnavailableStoreIts503);
  CPPUNIT_TEST(EndsWhenTheStoreBreaks);
  CPPUNIT_TEST(RefusesWhatCannotBeTakenBeforeTheFirstLine);
  CPPUNIT_TEST(StopsAtTheLimitOfAnUpload);
  CPPUNIT_TEST(EndsWhenRefusedLinesOutnumberThoseStored);
  CPPUNIT_TEST(GoesOnPastManyRefusedLinesIfMoreAreStored);
  CPPUNIT_TEST(EndsWhenTheStoreTakesHardlyALine);
  CPPUNIT_TEST(BoundsAResponseThatIsHeldToTheEnd);
  CPPUNIT_TEST(PassesOverNoMoreThanABoundOfTheRest);
  CPPUNIT_TEST(PassesOverNoLongerThanABoundWhenNothingComes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void AnswersEachLineInOrder() {
    const auto answer = Ask(Line("foo") + Line("") + Line("foo") + Line("bär\n"));
    CPPUNIT_ASSERT_EQUAL(200, answer.status);
    CPPUNIT_ASSERT_EQUAL(std::string("application/x-ndjson"), Header(answer, "Content-Type"));
    CPPUNIT_ASSERT_EQUAL(Stored(201, "foo") + Stored(201, "") + Stored(200, "foo") + Stored(201, "bär\n"),
                         answer.content);
    CPPUNIT_ASSERT_EQUAL(std::string(), Ask("").content);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, store_.messages.size());
  }

  void TellsWhatIsWrongWithALineAndGoesOn() {
    const std::vector<std::pair<std::string, int>> bad = {
        {"nope", 400},
        {"", 400},
        {"\r", 400},
        {"[]", 400},
        {"{\"message\":1}", 400},
        {"{\"message\":\"a\",\"message\":\"b\"}", 400},
        {"{\"message\":\"\xff\"}", 400},
        {"{\"message\":\"\\udc00\"}", 400},
        {"{\"message\":\"a\"} {\"message\":\"b\"}", 400},
        {std::string("{\"message\":\"a\"}\0", 16), 400},
        {"{\"message\":\"" + std::string(101, 'x') + "\"}", 413},
        {"{\"x\":\"" + std::string(200'000, 'x') + "\",\"message\":\"a\"}", 413},
    };
    for (const auto& [line, status] : bad) {
      const auto answer = Ask(Line("before") + line + "\n" + Line("after"));
      const std::string start =
          Stored(201, "before") + "{\"status\":" + std::to_string(status) + ",\"err_msg\":\"";
      CPPUNIT_ASSERT_EQUAL(start, answer.content.substr(0, start.size()));
      CPPUNIT_ASSERT(answer.content.ends_with("\",\"line\":2}\n" + Stored(201, "after")));
      store_.messages.clear();
    }
  }

  void TakesALastLineWithoutItsEndIfTheContentCameWhole() {
    CPPUNIT_ASSERT_EQUAL(Stored(201, "a") + Stored(201, "b"),
                         Ask("{\"message\":\"a\"}\r\n{\"message\":\"b\"}").content);
  }

  void ForgetsALastLineThatDidNotComeWhole() {
    const auto answer = Ask(Line("a") + "{\"message\":\"b\"}", [&](http::TestExchange& e) { e.BreakOff(); });
    CPPUNIT_ASSERT_EQUAL(0, answer.status);  // cut
    CPPUNIT_ASSERT(!store_.messages.contains(crypto::HashSha256("b")));
  }

  void BoundsABatchByLinesAndBytes() {
    Ask(Line("1") + Line("2") + "bad\n" + Line("3") + Line("4") + Line("5"));
    CPPUNIT_ASSERT((std::vector<std::size_t>{3, 2}) == store_.batches);
    store_.batches.clear();
    limits_.max_message_bytes = 3U << 20U;
    const std::string big(BulkBatch::kMaxBytes + 1, 'x');
    const auto answer = Ask(Line("6") + Line(big) + Line("7"));
    CPPUNIT_ASSERT_EQUAL(Stored(201, "6") + Stored(201, big) + Stored(201, "7"), answer.content);
    CPPUNIT_ASSERT((std::vector<std::size_t>{1, 1, 1}) == store_.batches);
  }

  void FindsTheLinesThatDoNotFit() {
    const auto answer = Ask(Line("1") + Line("full") + Line("2") + Line("3") + Line("4"));
    const auto lines = Lines(answer.content);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, lines.size());
    CPPUNIT_ASSERT_EQUAL(Stored(201, "1"), lines[0] + "\n");
    CPPUNIT_ASSERT(lines[1].starts_with("{\"status\":507,\"err_msg\":\"") &&
                   lines[1].ends_with(",\"line\":2}"));
    CPPUNIT_ASSERT_EQUAL(Stored(201, "4"), lines[4] + "\n");
  }

  void GivesEveryLineOfAnUnavailableStoreIts503() {
    const auto lines = Lines(Ask(Line("1") + Line("away") + "bad\n" + Line("2") + Line("3")).content);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, lines.size());
    for (const int i : {0, 1, 3}) CPPUNIT_ASSERT(lines[i].starts_with("{\"status\":503,"));
    CPPUNIT_ASSERT(lines[2].starts_with("{\"status\":400,"));
    CPPUNIT_ASSERT_EQUAL(Stored(201, "3"), lines[4] + "\n");
  }

  void EndsWhenTheStoreBreaks() {
    std::string content = Line("1") + Line("broken") + Line("2");
    for (int i = 0; i < 100; ++i) content += Line("later " + std::to_string(i));
    const auto answer = Ask(content);
    const auto lines = Lines(answer.content);
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, lines.size());
    for (const std::string& line : lines) CPPUNIT_ASSERT(line.starts_with("{\"status\":500,"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, store_.batches.size());
    CPPUNIT_ASSERT(told_broken_);
  }

  void RefusesWhatCannotBeTakenBeforeTheFirstLine() {
    limits_.max_content_bytes = 20;
    CPPUNIT_ASSERT_EQUAL(413, Refusal([](http::TestExchange&) {}));
    limits_.max_content_bytes = 0;
    CPPUNIT_ASSERT_EQUAL(400, Refusal([](http::TestExchange& exchange) {
                           exchange.AddField("CONTENT_DIGEST",
                                             "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
                         }));
    type_ = "application/x-ndjson; charset=latin1";
    CPPUNIT_ASSERT_EQUAL(415, Refusal([](http::TestExchange&) {}));
    CPPUNIT_ASSERT(store_.batches.empty());
  }

  void StopsAtTheLimitOfAnUpload() {
    const std::string content = Line("1") + Line("2") + Line("3");
    for (std::size_t limit = 1; limit < content.size(); ++limit) {
      limits_.max_content_bytes = limit;
      const auto lines =
          Lines(Ask(content, [](http::TestExchange& exchange) { exchange.ForgetLength(); }).content);
      const std::size_t whole = limit / Line("1").size();
      CPPUNIT_ASSERT_EQUAL(whole + 1, lines.size());
      CPPUNIT_ASSERT_EQUAL(whole, store_.messages.size());
      CPPUNIT_ASSERT(lines[whole].starts_with("{\"status\":413,"));
      CPPUNIT_ASSERT(lines[whole].ends_with(",\"line\":" + std::to_string(whole + 1) + "}"));
      store_.messages.clear();
    }
    limits_.max_content_bytes = content.size();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, Lines(Ask(content).content).size());
  }

  // 2 MB of newlines became 249 MB of response.
  void EndsWhenRefusedLinesOutnumberThoseStored() {
    const auto answer = Ask(Line("a") + std::string(std::size_t{2} << 20U, '\n'));
    const auto lines = Lines(answer.content);
    CPPUNIT_ASSERT_EQUAL(200, answer.status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1002}, lines.size());
    ExpectEnd(lines.back(), 400, 1002);
    // With as many bad lines as that there is no line to end before.
    CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, Lines(Ask(std::string(1000, '\n')).content).size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1001}, Lines(Ask(std::string(1001, '\n')).content).size());
  }

  void GoesOnPastManyRefusedLinesIfMoreAreStored() {
    std::string content;
    for (int i = 0; i < 3000; ++i) content += Line(std::to_string(i)) + "bad\n";
    const auto lines = Lines(Ask(content).content);
    CPPUNIT_ASSERT_EQUAL(std::size_t{6000}, lines.size());
    CPPUNIT_ASSERT(lines[5998].starts_with("{\"status\":201,") &&
                   lines[5999].starts_with("{\"status\":400,"));
  }

  void EndsWhenTheStoreTakesHardlyALine() {
    std::string content = Line("stored");
    for (int i = 0; i < 3000; ++i) content += Line("full");
    const auto lines = Lines(Ask(content).content);
    // (The batches that are under way are told one by one.)
    CPPUNIT_ASSERT(lines.size() >= 1002 && lines.size() <= 1002 + 2 * kBatchLines);
    CPPUNIT_ASSERT(lines[lines.size() - 2].starts_with("{\"status\":507,"));
    ExpectEnd(lines.back(), 507, lines.size());
  }

  void BoundsAResponseThatIsHeldToTheEnd() {
    bounds_.held_bytes = 2000;
    std::string content;
    for (int i = 0; i < 1000; ++i) content += Line(std::to_string(i));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, Lines(Ask(content).content).size());
    store_.messages.clear();
    const auto lines =
        Lines(Ask(content, [](http::TestExchange& exchange) { exchange.HoldAnswer(); }).content);
    const std::size_t whole = 2000 / Stored(201, "").size() + 1;
    CPPUNIT_ASSERT(lines.size() > whole && lines.size() <= whole + 1 + 3 * kBatchLines);
    ExpectEnd(lines.back(), 413, lines.size());
    CPPUNIT_ASSERT_EQUAL(lines.size() - 1, store_.messages.size());
  }

  void PassesOverNoMoreThanABoundOfTheRest() {
    constexpr std::size_t kRest = 10U << 20U;
    bounds_.refused_lines = 1;
    for (const std::size_t bound : {std::size_t{1} << 20U, 2 * kRest}) {
      bounds_.pass_over.bytes = bound;
      std::size_t read = 0;
      const auto answer = Ask("bad\n" + std::string(kRest, 'x'),
                              [&](http::TestExchange& exchange) { exchange.CountReads(read); });
      ExpectEnd(Lines(answer.content).back(), 400, 2);
      CPPUNIT_ASSERT_EQUAL(200, answer.status);  // whole: the last line has said why
      constexpr std::size_t kBuffer = 64U << 10U;
      CPPUNIT_ASSERT(read >= std::min(bound, kRest) && read <= bound + 2 * kBuffer);
    }
  }

  void PassesOverNoLongerThanABoundWhenNothingComes() {
    bounds_.refused_lines = 1;
    bounds_.pass_over.time = std::chrono::milliseconds(1);
    const auto answer =
        Ask("bad\n" + Line("more"), [](http::TestExchange& exchange) { exchange.FallSilent(); });
    CPPUNIT_ASSERT_EQUAL(200, answer.status);
    ExpectEnd(Lines(answer.content).back(), 400, 2);
  }

 private:
  template <typename Change>
  http::Response Ask(const std::string& content, Change change) {
    Bulk bulk(store_, budget_, renderer_, limits_, kBatchLines, bounds_);
    std::optional<http::Response> answer;
    auto exchange = std::make_unique<http::TestExchange>("POST", "/messages", content, answer);
    exchange->AddField("CONTENT_TYPE", type_);
    change(*exchange);
    std::unique_ptr<http::Exchange> taken = std::move(exchange);
    CPPUNIT_ASSERT(!bulk.Handle(taken));
    CPPUNIT_ASSERT(answer);
    return std::move(*answer);
  }
  http::Response Ask(const std::string& content) {
    return Ask(content, [](http::TestExchange&) {});
  }

  // The status that a small upload is refused with.
  template <typename Change>
  int Refusal(Change change) {
    try {
      Ask(Line("a message of some bytes"), change);
    } catch (const http::HttpError& error) {
      return error.problem().status;
    }
    return 0;
  }

  static void ExpectEnd(const std::string& line, int status, std::size_t number) {
    CPPUNIT_ASSERT(line.starts_with("{\"status\":" + std::to_string(status) + ",\"err_msg\":\""));
    CPPUNIT_ASSERT(line.find("nothing from this line on was taken") != std::string::npos);
    CPPUNIT_ASSERT(line.ends_with(",\"line\":" + std::to_string(number) + "}"));
  }

  static std::vector<std::string> Lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      CPPUNIT_ASSERT(end != std::string_view::npos);
      lines.emplace_back(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    return lines;
  }

  static constexpr std::size_t kBatchLines = 4;
  FakeStore store_;
  memory::Budget budget_{64U << 20U};
  bool told_broken_ = false;
  ProblemRenderer renderer_{[this](const std::string&) { told_broken_ = true; }};
  LineLimits limits_{.max_message_bytes = 100, .max_content_bytes = 0};
  BulkBounds bounds_;
  std::string type_ = "application/x-ndjson";
};

CPPUNIT_TEST_SUITE_REGISTRATION(BulkTest);

}  // namespace
}  // namespace hashpost::resources
