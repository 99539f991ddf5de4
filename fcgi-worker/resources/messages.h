// POST /messages: takes a message, answers with its digest once it is durable. (Many at once: bulk.h.)

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/http/byte_budget.h"
#include "fcgi-worker/resources/failure.h"
#include "fcgi-worker/resources/resource.h"
#include "store/group_committer.h"
#include "store/message_store.h"

namespace hashpost::resources {

class Messages : public Resource {
 public:
  // All references must outlive the resource. `max_message_bytes` bounds a message, decoded.
  Messages(store::MessageStore& store, store::GroupCommitter& committer, http::ByteBudget& budget,
           const Failure& failure, std::size_t max_message_bytes)
      : store_(store),
        committer_(committer),
        budget_(budget),
        failure_(failure),
        max_message_bytes_(max_message_bytes) {}

  [[nodiscard]] std::string_view Allow() const override { return "POST, OPTIONS"; }
  [[nodiscard]] std::string_view AcceptPost() const override {
    return "application/json, text/plain;charset=utf-8, application/x-ndjson, application/ndjson, "
           "application/jsonl";
  }
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;

 private:
  store::MessageStore& store_;
  store::GroupCommitter& committer_;
  http::ByteBudget& budget_;
  const Failure& failure_;
  const std::size_t max_message_bytes_;
};

}  // namespace hashpost::resources
