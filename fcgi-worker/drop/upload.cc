#include "fcgi-worker/drop/upload.h"

#include <utility>

#include "fcgi-worker/drop/file_name.h"
#include "fcgi-worker/drop/multipart.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "lib/json/json.h"
#include "lib/log/log.h"
#include "lib/utf8/utf8.h"

namespace hashpost::drop {
namespace {

using http::HttpError;

// The two members that senders read.
std::string OldMembers(std::string_view sentence, int status) {
  std::string members = "\"msg\":";
  json::AppendString(members, sentence);
  return members + ",\"status_code\":" + std::to_string(status);
}

void CheckHead(const http::Request& request, std::uint64_t max_bytes) {
  if (http::HasContentCoding(request)) {
    throw HttpError({415,
                     "unsupported-content-coding",
                     "Unsupported content coding",
                     "Send the form as it is, without Content-Encoding.",
                     {{"Accept-Encoding", "identity"}}});
  }
  if (max_bytes > 0 && request.content_length.value_or(0) > max_bytes) {
    throw HttpError({413, "too-large", "File too large",
                     "An upload may have at most " + std::to_string(max_bytes) +
                         " bytes: ask the operator to raise HASHPOST_MAX_FILE_BYTES."});
  }
}

}  // namespace

http::Problem UploadResource::Off() {
  return {404, "drop-off", "No file drop",
          "This service takes no files: its operator has set OUTPUT_DIR=none."};
}

http::Problem UploadResource::Failed() {
  return {503,
          "drop-unavailable",
          "Drop unavailable",
          "The file drop could not start: its operator finds the reason in the worker's log.",
          {{"Retry-After", "60"}}};
}

http::Response UploadResource::Tell(const http::Problem& problem) const {
  return http::ToResponse(problem, OldMembers(problem.err_msg, problem.status));
}

std::optional<http::Response> UploadResource::Handle(std::unique_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  try {
    if (drop_ == nullptr) throw HttpError(why_not_);
    const std::string sentence = "File is decrypted and saved to " + Take(request);
    log::Info("receiver", sentence);
    return http::Response{.status = 201,
                          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                          .content = "{" + OldMembers(sentence, 201) + "}"};
  } catch (const HttpError& refused) {
    log::Warning("receiver", "An upload to " + utf8::Printable(request.path, 300) + " is refused (" +
                                 std::to_string(refused.problem().status) + "): " + refused.what());
    http::PassOver(*request.body, pass_over_);
    throw;
  } catch (const http::BodyIncomplete&) {
    // A client that is still there was cut off by the end of this worker, and should come again.
    log::Warning("receiver", "An upload to " + utf8::Printable(request.path, 300) + " broke off.");
    throw HttpError(http::BrokenOff());
  }
}

std::string UploadResource::Take(const http::Request& request) {
  const std::string name = CheckedFileName(request.path.substr(kPath.size()));
  CheckHead(request, drop_->MaxContentBytes());
  const std::string boundary = FormBoundary(request.Header("CONTENT_TYPE").value_or(""));
  FormFile file(*request.body, boundary, "file");
  return drop_->Receive(name, file);
}

}  // namespace hashpost::drop
