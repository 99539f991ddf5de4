// What watches the service: GET / (old clients), /livez (the process answers), /readyz (it can take writes).

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/http/resource.h"
#include "store/group_committer.h"
#include "store/message_store.h"

namespace hashpost::resources {

// 200 with fixed content, for GET and HEAD.
class FixedResponse : public http::Resource {
 public:
  explicit FixedResponse(std::string json) : json_(std::move(json)) {}
  [[nodiscard]] std::string_view Allow() const override { return "GET, HEAD, OPTIONS"; }
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;

 private:
  const std::string json_;
};

// 200 when a write would succeed, else 503 with the reason. Shows what the pool's keeper wrote to
// `home`/pool/pool.json: which workers run, and whether they keep crashing; and what is known to be damaged
// in the store.
class Readiness : public http::Resource {
 public:
  Readiness(store::MessageStore& store, const store::GroupCommitter& committer, std::string home,
            std::chrono::seconds max_delay)
      : store_(store), committer_(committer), home_(std::move(home)), max_delay_(max_delay) {}
  [[nodiscard]] std::string_view Allow() const override { return "GET, HEAD, OPTIONS"; }
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;

 private:
  store::MessageStore& store_;
  const store::GroupCommitter& committer_;
  const std::string home_;                // HASHPOST_HOME
  const std::chrono::seconds max_delay_;  // the longest that a write may wait for its commit
};

}  // namespace hashpost::resources
