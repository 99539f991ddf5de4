// UploadResult: what became of an upload, and how an answer of the receiver is judged. Pure; thread-safe.

#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hashpost::sender {

enum class UploadKind {
  kAccepted,     // 201: the receiver has the file
  kRefused,      // it would be refused again as long as nothing changes
  kStale,        // the receiver did not take it because of the time in its token: sealed again, it may
  kFailed,       // it may work later; whether the receiver has the file is unknown
  kUnreachable,  // no connection: nothing was sent, and no other file would fare better
  kStopped,      // broken off because the sender is to end
};

struct UploadResult {
  UploadKind kind;
  std::string message;                    // the receiver's own words, or what went wrong
  std::chrono::seconds wait_at_least{0};  // kFailed: before the next try, as the receiver asks
};

// What came back for an upload.
struct UploadResponse {
  int status;
  std::string_view body;                // its front is enough
  std::chrono::seconds retry_after{0};  // 0: it named no time
  std::string location = {};            // where a redirect leads
};

// Only 201 is success. A 4xx is the receiver's verdict, and stands, if its body has the members `msg` and
// `status_code` of all receivers; 409, and 400 whose problem type (RFC 9457) is token-time, are
// about the token's time. 408, 425, 429 and 5xx may pass. So may all that no receiver says to an upload:
// something else listens there, or stands in between.
[[nodiscard]] UploadResult JudgeAnswer(const UploadResponse& response);

}  // namespace hashpost::sender
