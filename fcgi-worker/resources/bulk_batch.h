// BulkBatch: some lines of an upload, in order: parsed, then stored in one commit, then answered.
// One thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fcgi-worker/http/byte_budget.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/failure.h"
#include "store/message_store.h"

namespace hashpost::resources {

class BulkBatch {
 public:
  // As many bytes of messages; a larger message is a batch of its own. The commit holds about as much again.
  static constexpr std::size_t kMaxBytes = 2U << 20U;

  explicit BulkBatch(std::size_t max_lines) : max_lines_(max_lines) {}

  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] bool Full() const { return lines_.size() >= max_lines_ || messages_.size() >= kMaxBytes; }
  // Whether a message of so many bytes may be added.
  [[nodiscard]] bool Fits(std::size_t bytes) const {
    return empty() || (!Full() && messages_.size() + bytes <= kMaxBytes);
  }

  // `share` accounts for a message that is larger than a batch should be.
  void Add(std::uint64_t number, std::string_view message, http::ByteBudget::Share share);
  // A line that cannot be stored.
  void Refuse(std::uint64_t number, const http::Problem& problem);
  void Clear();

  // Stores the messages in one commit, or, if some do not fit, in as many as it takes to tell which. Each
  // line has its own outcome afterwards. False: the store broke, and nothing may be written any more.
  [[nodiscard]] bool Store(store::MessageStore& store, const Failure& failure);

  // Appends the answers, a line for each line.
  void AppendAnswers(std::string& out) const;

 private:
  struct Line {
    std::uint64_t number;
    store::Digest digest;
    std::size_t size = 0;  // of the message
    int status = 0;
    std::string err_msg;  // if it failed

    void Fail(const http::Problem& problem) {
      status = problem.status;
      err_msg = problem.err_msg;
    }
  };
  [[nodiscard]] bool StoreSome(store::MessageStore& store, const Failure& failure,
                               std::span<const store::Change> changes, std::span<Line*> lines);

  std::size_t max_lines_;
  std::vector<Line> lines_;
  std::string messages_;  // end to end
  http::ByteBudget::Share share_;
};

}  // namespace hashpost::resources
