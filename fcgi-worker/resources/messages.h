// POST /messages: takes a message, answers with its digest once it is durable. (Many at once: bulk.h.)

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/http/resource.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "lib/memory/budget.h"
#include "store/group_committer.h"
#include "store/message_store.h"

namespace hashpost::resources {

class Messages : public http::Resource {
 public:
  // All references must outlive the resource. `max_message_bytes` bounds a message, decoded.
  Messages(store::MessageStore& store, store::GroupCommitter& committer, memory::Budget& budget,
           const ProblemRenderer& renderer, std::size_t max_message_bytes)
      : store_(store),
        committer_(committer),
        budget_(budget),
        renderer_(renderer),
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
  memory::Budget& budget_;
  const ProblemRenderer& renderer_;
  const std::size_t max_message_bytes_;
};

}  // namespace hashpost::resources
