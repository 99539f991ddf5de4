// Feeds arbitrary bytes to a bulk upload, in pieces, and compares the answer with what each line by itself
// would get. Corpus: corpus/bulk_fuzz.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk.h"
#include "fcgi-worker/resources/message_json.h"
#include "tests/fuzz/require.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace {

using namespace hashpost;

constexpr std::size_t kMaxMessageBytes = 64;
constexpr std::size_t kBatchLines = 3;

// Knows digests only. What begins with an F never fits.
class FuzzStore : public store::MessageStore {
 public:
  class FuzzTurn : public CommitTurn {
   public:
    explicit FuzzTurn(std::set<store::Digest>& known) : known_(known) {}
    std::vector<store::Outcome> Apply(std::span<const store::Change> changes) override {
      Require(!changes.empty() && changes.size() <= kBatchLines);
      for (const auto& change : changes) {
        Require(crypto::HashSha256(*change.message) == change.digest);
        if (change.message->starts_with('F')) throw store::StoreFull("is full");
      }
      std::vector<store::Outcome> outcomes;
      for (const auto& change : changes) {
        outcomes.push_back(known_.insert(change.digest).second ? store::Outcome::kCreated
                                                               : store::Outcome::kExisted);
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

struct Answer {
  std::string content;
  bool whole = false;
};

// The content comes in pieces, and breaks off or comes whole.
class Upload : public http::Exchange {
 public:
  Upload(std::string_view content, std::size_t piece, bool breaks_off, Answer& answer)
      : body_(content, piece, breaks_off), answer_(answer), live_(answer) {
    request_.method = "POST";
    request_.fields = {{"CONTENT_TYPE", "application/x-ndjson"}};
    request_.body = &body_;
  }
  [[nodiscard]] const http::Request& request() const override { return request_; }
  void Respond(http::Response) noexcept override { std::abort(); }
  [[nodiscard]] http::ResponseStream& Begin(const http::Response&) override { return live_; }
  void End(http::Ending ending) noexcept override { answer_.whole = ending == http::Ending::kWhole; }

 private:
  class Body : public http::BodyReader {
   public:
    Body(std::string_view content, std::size_t piece, bool breaks_off)
        : rest_(content), piece_(piece), breaks_off_(breaks_off) {}
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
      const std::size_t size = std::min({buffer.size(), rest_.size(), piece_});
      if (size == 0 && breaks_off_) throw http::BodyIncomplete();
      std::memcpy(buffer.data(), rest_.data(), size);
      rest_.remove_prefix(size);
      return size;
    }
    [[nodiscard]] bool Ready(std::chrono::milliseconds) override {
      paused_ = !paused_ && rest_.size() % 3 == 0;
      return !paused_;
    }

   private:
    std::string_view rest_;
    std::size_t piece_;
    bool breaks_off_;
    bool paused_ = false;
  };
  struct Live : http::ResponseStream {
    explicit Live(Answer& kept) : answer(kept) {}
    void Write(std::string_view bytes) override { answer.content += bytes; }
    [[nodiscard]] bool Flush() override { return true; }
    Answer& answer;
  };
  http::Request request_;
  Body body_;
  Answer& answer_;
  Live live_;
};

// The lines that an upload of `content` has, without their ends.
std::vector<std::string_view> Split(std::string_view content, bool breaks_off) {
  std::vector<std::string_view> lines;
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    if (end == std::string_view::npos && breaks_off) break;
    lines.push_back(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
  }
  return lines;
}

// How the answer to a line begins.
std::string Wanted(std::string_view line, std::set<std::string>& known) {
  io::MemorySource source(line, SIZE_MAX);
  try {
    const std::string message = resources::ReadMessage(source, kMaxMessageBytes);
    if (message.starts_with('F')) return R"({"status":507,"err_msg":")";
    const bool fresh = known.insert(message).second;
    return std::string(R"({"status":)") + (fresh ? "201" : "200") + R"(,"digest":")" +
           crypto::HashSha256(message).Hex() + "\"}";
  } catch (const http::HttpError& error) {
    return R"({"status":)" + std::to_string(error.problem().status) + R"(,"err_msg":")";
  }
}

}  // namespace

namespace {

Answer Take(std::string_view content, std::size_t piece, bool breaks_off,
            const resources::BulkBounds& bounds) {
  FuzzStore store;
  memory::Budget budget(1U << 20U);
  // (One for all, since it logs a full store once a second at most.)
  static const resources::ProblemRenderer renderer([](const std::string&) { std::abort(); });
  resources::Bulk bulk(store, budget, renderer, {kMaxMessageBytes, 0}, kBatchLines, bounds);
  Answer answer;
  std::unique_ptr<http::Exchange> exchange = std::make_unique<Upload>(content, piece, breaks_off, answer);
  (void)bulk.Handle(exchange);
  return answer;
}

void CheckEachLine(std::string_view content, bool breaks_off, std::string_view answers) {
  std::set<std::string> known;
  std::size_t number = 0;
  for (const std::string_view line : Split(content, breaks_off)) {
    const std::string_view said = answers.substr(0, answers.find('\n'));
    const std::string wanted = Wanted(line, known);
    Require(said.starts_with(wanted));
    ++number;
    Require(said.size() == wanted.size() || said.ends_with(",\"line\":" + std::to_string(number) + "}"));
    answers.remove_prefix(said.size() + 1);
  }
  // A line that breaks off may be told what was wrong with it before it did.
  Require(answers.empty() ||
          (breaks_off && answers.starts_with(R"({"status":4)") && answers.find('\n') == answers.size() - 1));
}

// What ends early begins as it would without a bound, and its last line says why it ends.
void CheckEnd(std::string_view bounded, std::string_view unbounded) {
  if (bounded == unbounded) return;
  const std::size_t last = bounded.rfind('\n', bounded.size() - 2) + 1;  // (npos + 1 is 0)
  Require(bounded.ends_with('\n') && unbounded.starts_with(bounded.substr(0, last)));
  Require(bounded.find("nothing from this line on was taken", last) != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view content = Text(data, size).substr(1);
  const bool breaks_off = data[0] % 2 != 0;
  const std::size_t piece = 1 + data[0] / 2;
  const Answer answer = Take(content, piece, breaks_off, {.refused_lines = SIZE_MAX});
  Require(answer.whole != breaks_off);
  CheckEachLine(content, breaks_off, answer.content);
  if (data[0] % 4 == 2) {
    const Answer bounded = Take(content, piece, breaks_off, {.refused_lines = 2});
    Require(bounded.whole);
    CheckEnd(bounded.content, answer.content);
  }
  return 0;
}
