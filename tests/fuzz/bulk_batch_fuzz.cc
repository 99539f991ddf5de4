// Fills a batch of an upload with arbitrary messages and refusals, stores it in a store that fails for some,
// and compares each line of the response with what its message alone would get. Corpus:
// corpus/bulk_batch_fuzz.

#include <memory>
#include <set>
#include <string>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk_batch.h"
#include "lib/json/json.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;

constexpr std::size_t kMostLines = 16;

// Knows digests only. What begins with an F never fits.
class FuzzStore final : public store::MessageStore {
 public:
  class FuzzTurn final : public CommitTurn {
   public:
    explicit FuzzTurn(std::set<store::Digest>& known) : known_(known) {}
    std::vector<store::Outcome> Apply(std::span<const store::Change> changes) override {
      for (const auto& change : changes) {
        Require(crypto::HashSha256(*change.message) == change.digest);
        if (change.message->starts_with('F')) throw store::StoreFull("is full");
      }
      std::vector<store::Outcome> outcomes;
      for (const auto& change : changes) {
        const bool fresh = known_.insert(change.digest).second;
        outcomes.push_back(fresh ? store::Outcome::kCreated : store::Outcome::kExisted);
      }
      return outcomes;
    }

   private:
    std::set<store::Digest>& known_;
  };
  std::unique_ptr<CommitTurn> AwaitTurn() override { return std::make_unique<FuzzTurn>(known_); }
  std::optional<store::StoredMessage> Get(const store::Digest&, const store::Admit&) override { return {}; }
  bool Holds(const store::Digest&, std::string_view) override { return false; }
  std::optional<store::MessageInfo> Find(const store::Digest&) override { return {}; }
  void CheckWritable() override {}
  void Maintain() override {}

 private:
  std::set<store::Digest> known_;
};

std::string Failed(int status, std::string_view err_msg, std::uint64_t number) {
  std::string line = R"({"status":)" + std::to_string(status) + R"(,"err_msg":)";
  json::AppendString(line, err_msg);
  return line + R"(,"line":)" + std::to_string(number) + "}\n";
}

struct Expected {
  std::string answers;
  std::size_t failed = 0;
};

// Stores the batch, compares, and leaves it empty.
void Check(resources::BulkBatch& batch, Expected& expected, FuzzStore& store,
           const resources::ProblemRenderer& renderer) {
  batch.Sort();
  Require(batch.Store(store, renderer));
  Require(batch.answers() == expected.answers && batch.failed() == expected.failed);
  Require(batch.last_failure() == (expected.failed > 0 ? 507 : 0));
  batch.Clear();
  Require(batch.empty() && batch.answers().empty() && batch.failed() == 0);
  expected = {};
}

}  // namespace

// The first byte of each line of the input says what becomes of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const resources::ProblemRenderer renderer([](const std::string&) { std::abort(); });
  static const std::string full =
      renderer.Explain(std::make_exception_ptr(store::StoreFull("is full"))).err_msg;
  FuzzStore store;
  resources::BulkBatch batch(kMostLines);
  Expected expected;
  std::set<std::string, std::less<>> known;
  std::uint64_t number = 0;
  for (std::string_view text = Text(data, size); !text.empty();) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    const http::Problem busy = http::Busy();
    if (batch.Full()) Check(batch, expected, store, renderer);
    if (line.starts_with('!')) {
      batch.Refuse(number, busy);
      expected.answers += Failed(busy.status, busy.err_msg, number);
      continue;
    }
    if (!batch.Fits(line.size())) Check(batch, expected, store, renderer);
    batch.Add(number, line, {});
    if (line.starts_with('F')) {
      expected.answers += Failed(507, full, number);
      ++expected.failed;
    } else {
      const bool fresh = known.emplace(line).second;
      expected.answers += std::string(R"({"status":)") + (fresh ? "201" : "200") + R"(,"digest":")" +
                          crypto::HashSha256(line).Hex() + "\"}\n";
    }
  }
  Check(batch, expected, store, renderer);
  return 0;
}
