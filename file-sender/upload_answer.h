// UploadResult: what became of an upload, and how an answer of the receiver is judged. Pure; thread-safe.

#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hashpost::sender {

struct UploadResult {
  enum class Kind {
    kAccepted,     // 201: the receiver has the file
    kRefused,      // it would be refused again as long as nothing changes
    kStale,        // the receiver did not take it because of the time in its token: sealed again, it may
    kFailed,       // it may work later; whether the receiver has the file is unknown
    kUnreachable,  // no connection: nothing was sent, and no other file would fare better
    kStopped,      // broken off because the sender is to end
  };

  Kind kind;
  std::string message;                    // the receiver's own words, or what went wrong
  std::chrono::seconds wait_at_least{0};  // kFailed: before the next try, as the receiver asks
};

// The answer had this status and this body (its front is enough), and asked for `retry_after` seconds (0: it
// did not). Only 201 is success. 408, 425, 429 and 5xx may pass; so may what no receiver answers to an upload
// (2xx and 3xx: something else listens there). 409, and 400 whose problem type (RFC 9457) is token-time, are
// about the token's time. All other 4xx stand.
[[nodiscard]] UploadResult JudgeAnswer(int status, std::string_view body, std::chrono::seconds retry_after);

}  // namespace hashpost::sender
