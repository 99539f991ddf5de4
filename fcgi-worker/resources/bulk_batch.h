// BulkBatch: some lines of an upload, in order: parsed, then stored in one commit, then answered. Commits are
// what an upload waits for, so all that can be done before them is: hashes, key order, and the answers as
// they will most likely be. One thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "lib/memory/budget.h"
#include "store/message_store.h"

namespace hashpost::resources {

class BulkBatch {
 public:
  // As many bytes of messages; a larger message is a batch of its own. The commit holds about as much again.
  static constexpr std::size_t kMaxBytes = 2U << 20U;

  explicit BulkBatch(std::size_t max_lines) : max_lines_(max_lines) {}

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool Full() const { return count_ >= max_lines_ || messages_.size() >= kMaxBytes; }
  // Whether a message of so many bytes may be added.
  [[nodiscard]] bool Fits(std::size_t bytes) const {
    return empty() || (!Full() && messages_.size() + bytes <= kMaxBytes);
  }

  // `share` accounts for a message that is larger than a batch should be.
  void Add(std::uint64_t number, std::string_view message, memory::Budget::Share share);
  // A line that cannot be stored.
  void Refuse(std::uint64_t number, const http::Problem& problem);
  // Puts the messages in the order of their digests, in which a store writes them fastest; after the last
  // line.
  void Sort();
  void Clear();

  // Stores the messages in one commit, or, if some do not fit, in as many as it takes to tell which. Each
  // line has its own outcome afterwards. False: the store broke, and nothing may be written any more.
  [[nodiscard]] bool Store(store::MessageStore& store, const ProblemRenderer& renderer);

  // After Store: a line for each line, in their order. Valid until the next change.
  [[nodiscard]] std::string_view answers() const { return answers_; }

  // After Store: how many messages could not be stored, and the status that the last of them has got.
  [[nodiscard]] std::size_t failed() const { return failed_.size(); }
  [[nodiscard]] int last_failure() const { return failed_.empty() ? 0 : failed_.back().problem.status; }

 private:
  struct TakenLine {  // that has a message
    store::Digest digest;
    std::uint64_t number;
    std::size_t at;  // where its message begins in messages_
    std::size_t size;
    std::size_t answer;  // where its answer begins in answers_
  };
  struct Failed {
    std::size_t answer;
    std::uint64_t number;
    http::Problem problem;
  };
  [[nodiscard]] bool StoreSome(store::MessageStore& store, const ProblemRenderer& renderer,
                               std::span<const TakenLine> lines);
  void Commit(store::MessageStore& store, std::span<const TakenLine> lines);
  void Fail(std::span<const TakenLine> lines, const http::Problem& problem);
  void AnswerFailed();

  std::size_t max_lines_;
  std::size_t count_ = 0;  // of all lines
  std::vector<TakenLine> lines_;
  std::string messages_;  // end to end
  std::string answers_;   // until Store as if every message were new
  std::vector<Failed> failed_;
  memory::Budget::Share share_;
};

}  // namespace hashpost::resources
