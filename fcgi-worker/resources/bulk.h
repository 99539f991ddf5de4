// POST /messages with Content-Type: application/x-ndjson (or ndjson, jsonl): any number of messages, one JSON
// object a line, and one answer a line, in order, which is sent when its line is durable (docs/http-api.md).
// Memory does not grow with the length of the content.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/resource.h"
#include "fcgi-worker/resources/line_reader.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "lib/memory/budget.h"
#include "store/message_store.h"

namespace hashpost::resources {

// What one upload may cost beyond what it stores. Past one of these bounds a last line says so, and no
// further one is taken.
struct BulkBounds {
  std::uint64_t refused_lines = 1000;                    // as long as they outnumber those stored
  std::uint64_t held_bytes = std::uint64_t{256} << 20U;  // of a response that is held to its end
  http::PassOverLimits pass_over{};                      // of what comes after the last line
};

class Bulk : public http::Resource {
 public:
  // The web servers' configurations know these as well. The first one is that of the response.
  static constexpr std::array<std::string_view, 3> kMediaTypes = {"application/x-ndjson",
                                                                  "application/ndjson", "application/jsonl"};

  // The references must outlive the object. A commit takes `batch_lines` lines at most.
  Bulk(store::MessageStore& store, memory::Budget& budget, const ProblemRenderer& renderer,
       const LineLimits& limits, std::size_t batch_lines, const BulkBounds& bounds = {})
      : store_(store),
        budget_(budget),
        renderer_(renderer),
        limits_(limits),
        batch_lines_(batch_lines),
        bounds_(bounds) {}

  [[nodiscard]] std::string_view Allow() const override { return "POST, OPTIONS"; }

  // Takes the upload to its end and answers it; takes `exchange`, unless it throws HttpError. Call it on a
  // thread that may block.
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;

 private:
  store::MessageStore& store_;
  memory::Budget& budget_;
  const ProblemRenderer& renderer_;
  const LineLimits limits_;
  const std::size_t batch_lines_;
  const BulkBounds bounds_;
};

}  // namespace hashpost::resources
