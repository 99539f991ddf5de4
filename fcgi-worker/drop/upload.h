// POST /upload/<name>: a sealed file, as the part "file" of a form, lands in the drop as <name>.xml. Every
// response has the members "msg" and "status_code", which senders read; that of a failure also has those of a
// problem document.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/drop/receiver.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/request.h"
#include "fcgi-worker/http/resource.h"

namespace hashpost::drop {

class UploadResource : public http::Resource {
 public:
  static constexpr std::string_view kPath = "/upload/";

  // Without a `drop`, `why_not` answers every upload. Of one that is refused the rest is read within the
  // limits.
  UploadResource(std::unique_ptr<FileReceiver> drop, http::Problem why_not,
                 const http::PassOverLimits& pass_over = {})
      : drop_(std::move(drop)), why_not_(std::move(why_not)), pass_over_(pass_over) {}

  // Why there may be no drop: it was not asked for, or it could not start.
  [[nodiscard]] static http::Problem Off();
  [[nodiscard]] static http::Problem Failed();

  [[nodiscard]] std::string_view Allow() const override { return "POST, OPTIONS"; }
  [[nodiscard]] std::string_view AcceptPost() const override { return "multipart/form-data"; }
  // Call it on a thread that may block.
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;
  [[nodiscard]] http::Response Tell(const http::Problem& problem) const override;

 private:
  [[nodiscard]] std::string Take(const http::Request& request);

  const std::unique_ptr<FileReceiver> drop_;
  const http::Problem why_not_;
  const http::PassOverLimits pass_over_;
};

}  // namespace hashpost::drop
