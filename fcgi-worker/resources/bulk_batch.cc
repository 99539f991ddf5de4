#include "fcgi-worker/resources/bulk_batch.h"

#include <exception>
#include <utility>

#include "fcgi-worker/http/standard_problems.h"
#include "lib/json/json.h"
#include "lib/progress/progress.h"

namespace hashpost::resources {

void BulkBatch::Add(std::uint64_t number, std::string_view message, http::ByteBudget::Share share) {
  lines_.push_back({number, crypto::HashSha256(message), message.size(), 0, {}});
  messages_ += message;
  if (message.size() > kMaxBytes) share_ = std::move(share);
}

void BulkBatch::Refuse(std::uint64_t number, const http::Problem& problem) {
  lines_.push_back({number, {}, 0, problem.status, problem.err_msg});
}

void BulkBatch::Clear() {
  lines_.clear();
  messages_.clear();
  if (messages_.capacity() > 2 * kMaxBytes) messages_.shrink_to_fit();
  share_ = {};
}

bool BulkBatch::Store(store::MessageStore& store, const Failure& failure) {
  std::vector<store::Change> changes;
  std::vector<Line*> lines;
  changes.reserve(lines_.size());
  lines.reserve(lines_.size());
  std::string_view messages = messages_;
  for (Line& line : lines_) {
    if (line.status != 0) continue;
    changes.push_back({line.digest, messages.substr(0, line.size)});
    messages.remove_prefix(line.size);
    lines.push_back(&line);
  }
  if (changes.empty() || StoreSome(store, failure, changes, lines)) return true;
  const http::Problem problem = http::InternalError();
  for (Line* line : lines) {
    if (line->status == 0) line->Fail(problem);
  }
  return false;
}

bool BulkBatch::StoreSome(store::MessageStore& store, const Failure& failure,
                          std::span<const store::Change> changes, std::span<Line*> lines) {
  std::exception_ptr error;
  bool broken = false;
  try {
    { const progress::Waiting fresh_start; }  // each commit is a piece of work of its own for the watchdog
    const std::vector<store::Outcome> outcomes = store.Apply(changes);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      lines[i]->status = outcomes[i] == store::Outcome::kCreated ? 201 : 200;
    }
    return true;
  } catch (const store::StoreFull&) {
    if (changes.size() > 1) {
      const std::size_t half = changes.size() / 2;
      return StoreSome(store, failure, changes.first(half), lines.first(half)) &&
             StoreSome(store, failure, changes.subspan(half), lines.subspan(half));
    }
    error = std::current_exception();
  } catch (const store::StoreBroken&) {
    broken = true;
    error = std::current_exception();
  } catch (...) {  // unavailable: it would be so for each line, too
    error = std::current_exception();
  }
  const http::Problem problem = failure.Explain(error);
  for (Line* line : lines) line->Fail(problem);
  return !broken;
}

void BulkBatch::AppendAnswers(std::string& out) const {
  for (const Line& line : lines_) {
    out.append("{\"status\":").append(std::to_string(line.status));
    if (line.err_msg.empty()) {
      out.append(",\"digest\":\"").append(line.digest.Hex()).append("\"}\n");
      continue;
    }
    json::AppendString(out.append(",\"err_msg\":"), line.err_msg);
    out.append(",\"line\":").append(std::to_string(line.number)).append("}\n");
  }
}

}  // namespace hashpost::resources
