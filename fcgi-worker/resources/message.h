// GET, HEAD and DELETE /messages/<digest>: one message, as JSON or as its bytes.

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/resource.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "lib/memory/budget.h"
#include "store/group_committer.h"
#include "store/message_store.h"

namespace hashpost::resources {

class Message : public http::Resource {
 public:
  static constexpr std::string_view kPath = "/messages/";  // the digest follows

  // All references must outlive the resource. `gzip`: the web server may code what is answered.
  Message(store::MessageStore& store, store::GroupCommitter& committer, memory::Budget& budget,
          const ProblemRenderer& renderer, bool gzip)
      : store_(store), committer_(committer), budget_(budget), renderer_(renderer), gzip_(gzip) {}

  [[nodiscard]] std::string_view Allow() const override { return "GET, HEAD, DELETE, OPTIONS"; }
  [[nodiscard]] bool HasBigResponse(const http::Request& request) const noexcept override;
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;

 private:
  [[nodiscard]] std::optional<http::Response> Get(std::unique_ptr<http::Exchange>& exchange,
                                                  const store::Digest& digest);
  [[nodiscard]] std::optional<http::Response> Delete(std::unique_ptr<http::Exchange>& exchange,
                                                     const store::Digest& digest);

  store::MessageStore& store_;
  store::GroupCommitter& committer_;
  memory::Budget& budget_;
  const ProblemRenderer& renderer_;
  const bool gzip_;
};

}  // namespace hashpost::resources
