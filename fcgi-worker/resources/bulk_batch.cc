#include "fcgi-worker/resources/bulk_batch.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "fcgi-worker/http/problem.h"
#include "lib/json/json.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::resources {
namespace {

// The answer to a message that is new, and where it differs for one that was known.
constexpr std::string_view kNew = R"({"status":201,"digest":")";
constexpr std::string_view kEnd = "\"}\n";
constexpr std::size_t kAnswerBytes = kNew.size() + 2 * store::Digest::kSize + kEnd.size();
constexpr std::size_t kLastDigitOfStatus = kNew.find("201") + 2;

void AppendFailure(std::string& out, std::uint64_t number, const http::Problem& problem) {
  out.append(R"({"status":)").append(std::to_string(problem.status)).append(R"(,"err_msg":)");
  json::AppendString(out, problem.err_msg);
  out.append(R"(,"line":)").append(std::to_string(number)).append("}\n");
}

}  // namespace

void BulkBatch::Add(std::uint64_t number, std::string_view message, memory::Budget::Share share) {
  ++count_;
  lines_.push_back({crypto::HashSha256(message), number, messages_.size(), message.size(), answers_.size()});
  messages_ += message;
  answers_.append(kNew).append(lines_.back().digest.Hex()).append(kEnd);
  if (message.size() > kMaxBytes) share_ = std::move(share);
}

void BulkBatch::Refuse(std::uint64_t number, const http::Problem& problem) {
  ++count_;
  AppendFailure(answers_, number, problem);
}

// Stable: of two lines with one message the first is the one that is new.
void BulkBatch::Sort() {
  std::stable_sort(lines_.begin(), lines_.end(),
                   [](const TakenLine& a, const TakenLine& b) { return a.digest < b.digest; });
}

void BulkBatch::Clear() {
  count_ = 0;
  lines_.clear();
  messages_.clear();
  if (messages_.capacity() > 2 * kMaxBytes) messages_.shrink_to_fit();
  answers_.clear();
  failed_.clear();
  share_ = {};
}

bool BulkBatch::Store(store::MessageStore& store, const ProblemRenderer& renderer) {
  const bool works = lines_.empty() || StoreSome(store, renderer, lines_);
  if (!failed_.empty()) AnswerFailed();
  return works;
}

// False: the store broke; all `lines` that are not stored have failed.
bool BulkBatch::StoreSome(store::MessageStore& store, const ProblemRenderer& renderer,
                          std::span<const TakenLine> lines) {
  std::exception_ptr error;
  bool broken = false;
  try {
    Commit(store, lines);
    return true;
  } catch (const store::StoreFull&) {
    if (lines.size() > 1) {
      if (lines.size() == lines_.size()) {  // what came first shall have what room there is
        std::sort(lines_.begin(), lines_.end(),
                  [](const TakenLine& a, const TakenLine& b) { return a.number < b.number; });
      }
      const std::size_t half = lines.size() / 2;
      if (StoreSome(store, renderer, lines.first(half)))
        return StoreSome(store, renderer, lines.subspan(half));
      Fail(lines.subspan(half), http::InternalError());
      return false;
    }
    error = std::current_exception();
  } catch (const store::StoreBroken&) {
    broken = true;
    error = std::current_exception();
  } catch (...) {  // unavailable: it would be so for each line, too
    error = std::current_exception();
  }
  Fail(lines, renderer.Explain(error));
  return !broken;
}

// Throws what the store throws.
void BulkBatch::Commit(store::MessageStore& store, std::span<const TakenLine> lines) {
  std::vector<store::Change> changes;
  changes.reserve(lines.size());
  for (const TakenLine& line : lines) {
    changes.push_back({line.digest, std::string_view(messages_).substr(line.at, line.size)});
  }
  { const watchdog::Waiting fresh_start; }  // each commit is a piece of work of its own for the watchdog
  const std::vector<store::Outcome> outcomes = store.AwaitBulkTurn()->Apply(changes);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (outcomes[i] == store::Outcome::kExisted) answers_[lines[i].answer + kLastDigitOfStatus] = '0';
  }
}

void BulkBatch::Fail(std::span<const TakenLine> lines, const http::Problem& problem) {
  for (const TakenLine& line : lines) failed_.push_back({line.answer, line.number, problem});
}

// Puts the answers of lines that failed in the place of those that were written ahead.
void BulkBatch::AnswerFailed() {
  std::sort(failed_.begin(), failed_.end(),
            [](const Failed& a, const Failed& b) { return a.answer < b.answer; });
  std::string answers;
  std::size_t at = 0;
  for (const Failed& failed : failed_) {
    answers.append(answers_, at, failed.answer - at);
    AppendFailure(answers, failed.number, failed.problem);
    at = failed.answer + kAnswerBytes;
  }
  answers_ = answers.append(answers_, at);
}

}  // namespace hashpost::resources
