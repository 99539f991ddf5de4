#include "fcgi-worker/resources/bulk.h"

#include <optional>
#include <system_error>
#include <utility>

#include "fcgi-worker/http/digest_fields.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk_batch.h"
#include "fcgi-worker/resources/bulk_committer.h"
#include "fcgi-worker/resources/message_json.h"

namespace hashpost::resources {
namespace {

using http::HttpError;

// What can be said against an upload before its first line.
void CheckHead(const http::Request& request, const LineLimits& limits) {
  CheckPost(request);
  const auto type = http::ParseMediaType(request.Header("CONTENT_TYPE").value_or(""));
  if (!type || !type->IsUtf8()) {
    throw HttpError({415, "unsupported-media-type", "Unsupported media type",
                     "Send the lines as UTF-8: Content-Type: application/x-ndjson."});
  }
  if (http::ClaimedDigest(request)) {
    throw HttpError(
        {400, "digest-of-upload", "Digest of an upload",
         "Lines are stored before the last one has come, so a digest of them all cannot be checked in "
         "time: leave out Content-Digest and Repr-Digest, and compare the digests in the answer."});
  }
  if (limits.max_content_bytes > 0 && request.content_length.value_or(0) > limits.max_content_bytes) {
    throw HttpError({413, "too-large", "Upload too large",
                     "An upload may have at most " + std::to_string(limits.max_content_bytes) +
                         " bytes: send several, or ask the operator to raise HASHPOST_MAX_BULK_BYTES."});
  }
}

// One upload: what its lines become, until they are handed to the committer.
class BulkUpload {
 public:
  // `held`: the whole response waits for the end of the content.
  BulkUpload(http::BodyReader& body, memory::Budget& budget, const LineLimits& limits,
             std::size_t batch_lines, const BulkBounds& bounds, bool held, BulkCommitter& committer)
      : limits_(limits),
        bounds_(bounds),
        held_(held),
        lines_(body, budget, limits, [this] { HandOver(); }),
        batch_(batch_lines),
        committer_(committer) {}

  // Throws http::BodyIncomplete.
  void Run() {
    try {
      while (goes_on_ && lines_.Next()) {
        CheckBounds();
        TakeLine();
        if (batch_.Full()) HandOver();
      }
    } catch (const UploadEnds& error) {
      Refuse(error);
      HandOver();
      lines_.PassOver(bounds_.pass_over);
    } catch (const http::BodyIncomplete&) {
      HandOver();  // the worker may be about to end, and the client there: what came whole is answered
      throw;
    }
    HandOver();
  }

 private:
  // Throws UploadEnds for the line before which the upload is to end.
  void CheckBounds() const {
    const std::uint64_t bad = refused_ + tally_.failed;
    if (bad >= bounds_.refused_lines && bad > taken_ - tally_.failed) {
      End(tally_.failed > refused_ ? tally_.last_failure : 400,
          "Of the lines before this one " + std::to_string(bad) +
              " were refused, more than were stored, so nothing from this line on was taken: mend what the "
              "first "
              "of them says, and send the rest in further uploads.");
    }
    if (held_ && tally_.answer_bytes >= bounds_.held_bytes) {
      End(413,
          "The response to the lines before this one is over " + std::to_string(bounds_.held_bytes) +
              " bytes long, and no more of it is kept until the end of an upload, so nothing from this line "
              "on was taken: send the rest in further uploads.");
    }
  }

  [[noreturn]] static void End(int status, const std::string& why) {
    throw UploadEnds({status, "too-large", "Upload too large", why});
  }

  void TakeLine() {
    try {
      const std::string message = ReadMessage(lines_.line(), limits_.max_message_bytes);
      if (!batch_.Fits(message.size())) HandOver();
      batch_.Add(lines_.number(), message, lines_.TakeShare());
      ++taken_;
    } catch (const UploadEnds&) {
      throw;
    } catch (const HttpError& error) {
      Refuse(error);
      ++refused_;
    }
  }

  void Refuse(const HttpError& error) {
    if (batch_.Full()) HandOver();
    batch_.Refuse(lines_.number(), error.problem());
  }

  void HandOver() {
    batch_.Sort();
    goes_on_ = committer_.Take(batch_) && goes_on_;
    tally_ = committer_.tally();
  }

  const LineLimits& limits_;
  const BulkBounds& bounds_;
  const bool held_;
  LineReader lines_;
  BulkBatch batch_;
  BulkCommitter& committer_;
  BulkTally tally_;
  std::uint64_t taken_ = 0;    // lines with a message, whether or not the store takes it
  std::uint64_t refused_ = 0;  // lines without one
  bool goes_on_ = true;
};

http::Response Head() {
  http::Response head;
  head.headers = {{"Content-Type", std::string(Bulk::kMediaTypes.front())}, {"Cache-Control", "no-store"}};
  return head;
}

}  // namespace

std::optional<http::Response> Bulk::Handle(std::unique_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  CheckHead(request, limits_);
  std::optional<BulkCommitter> committer;
  try {
    committer.emplace(store_, renderer_, batch_lines_);
  } catch (const std::system_error&) {
    throw HttpError(http::Busy());
  }
  const std::unique_ptr<http::Exchange> taken = std::move(exchange);
  bool whole = false;
  try {
    http::ResponseStream& answers = taken->Begin(Head());
    committer->AnswerTo(answers);
    BulkUpload(*request.body, budget_, limits_, batch_lines_, bounds_, answers.Held(), *committer).Run();
    whole = true;
  } catch (const http::BodyIncomplete&) {  // a cut answer says so
  } catch (...) {
    (void)renderer_.Explain(std::current_exception());  // logs it
  }
  whole = committer->Finish() && whole;
  taken->End(whole ? http::Ending::kWhole : http::Ending::kCut);
  return std::nullopt;
}

}  // namespace hashpost::resources
