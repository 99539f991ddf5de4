#include "fcgi-worker/resources/messages.h"

#include <algorithm>
#include <span>
#include <utility>

#include "fcgi-worker/http/digest_fields.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/message_json.h"
#include "lib/crypto/sha256.h"
#include "lib/utf8/utf8.h"

namespace hashpost::resources {
namespace {

using http::HttpError;

Form FormOf(const http::Request& request, std::string_view accept_post) {
  const auto value = request.Header("CONTENT_TYPE");
  const auto type = value ? http::ParseMediaType(*value) : std::nullopt;
  if (type && type->IsUtf8()) {
    if (type->essence == "application/json") return Form::kJson;
    if (type->essence == "text/plain") return Form::kText;
  }
  // What curl -d says unless it is told otherwise.
  const bool is_form = type && type->essence == "application/x-www-form-urlencoded";
  throw HttpError(
      {415,
       "unsupported-media-type",
       "Unsupported media type",
       is_form ? "A form is not a message: with curl, add -H 'Content-Type: application/json' for "
                 "{\"message\": \"…\"}, or -H 'Content-Type: text/plain' for the message itself."
               : "Send Content-Type: application/json with {\"message\": \"…\"}, text/plain; charset=utf-8 "
                 "with the message itself, or application/x-ndjson with many.",
       {{"Accept-Post", std::string(accept_post)}}});
}

// Hashes what passes through if the sender claimed a digest for it.
class CheckedBody : public io::ByteSource {
 public:
  explicit CheckedBody(const http::Request& request)
      : body_(*request.body), claimed_(http::ClaimedDigest(request)) {
    if (claimed_) hash_.emplace();
  }
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
    const std::size_t got = body_.Read(buffer);
    if (hash_) hash_->Update({buffer.data(), got});
    return got;
  }
  // Call when all is read. Throws HttpError 400.
  void Verify() {
    if (!hash_ || hash_->Finish() == *claimed_) return;
    throw HttpError({400, "digest-mismatch", "Digest mismatch",
                     "The content does not hash to the digest given in Content-Digest or Repr-Digest: it was "
                     "changed on the way, so send it again."});
  }

 private:
  http::BodyReader& body_;
  std::optional<crypto::Sha256Digest> claimed_;
  std::optional<crypto::Sha256> hash_;
};

std::string ReadText(CheckedBody& body, std::size_t length) {
  std::string message(length, '\0');
  std::size_t filled = 0;
  while (filled < length) filled += body.Read({message.data() + filled, length - filled});
  if (!utf8::IsValid(message)) {
    throw HttpError(
        {400, "not-utf-8", "Not UTF-8",
         "The message is not valid UTF-8: convert it, or encode its bytes as text (base64, say) first."});
  }
  return message;
}

std::size_t Cost(Form form, std::size_t length, std::size_t max_message_bytes) {
  return form == Form::kText ? length : JsonCost(length, max_message_bytes);
}

http::Response Answer(store::Outcome outcome, const store::Digest& digest) {
  const std::string hex = digest.Hex();
  return {.status = outcome == store::Outcome::kCreated ? 201 : 200,
          .headers = {{"Content-Type", "application/json"},
                      {"Cache-Control", "no-store"},
                      {"Location", "/messages/" + hex}},
          .content = "{\"digest\":\"" + hex + "\"}"};
}

// A POST that waits for its commit: it keeps the message, the memory's share and the way back together.
class PendingPost : public store::PendingWrite {
 public:
  PendingPost(std::unique_ptr<http::Exchange> exchange, const ProblemRenderer& renderer,
              memory::Budget::Share share, const store::Digest& digest, std::string message)
      : exchange_(std::move(exchange)),
        renderer_(renderer),
        share_(std::move(share)),
        digest_(digest),
        message_(std::move(message)) {}

  [[nodiscard]] store::Change change() const override { return {digest_, message_}; }
  void Done(store::Outcome outcome) noexcept override { exchange_->Respond(Answer(outcome, digest_)); }
  void Failed(const std::exception_ptr& error) noexcept override {
    exchange_->Respond(renderer_.Answer(error));
  }

 private:
  std::unique_ptr<http::Exchange> exchange_;
  const ProblemRenderer& renderer_;
  memory::Budget::Share share_;
  const store::Digest digest_;
  const std::string message_;
};

}  // namespace

std::optional<http::Response> Messages::Handle(std::unique_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  CheckPost(request);
  const Form form = FormOf(request, AcceptPost());
  // Without it, a body that was cut off could not be told from one that ended.
  if (!request.content_length) {
    throw HttpError(
        {411, "length-required", "Length required", "Send Content-Length, 0 for an empty message."});
  }
  const std::size_t length = *request.content_length;
  if (length > (form == Form::kText ? max_message_bytes_ : MaxJsonBytes(max_message_bytes_))) {
    throw HttpError(MessageTooLarge(max_message_bytes_));
  }
  auto share = budget_.Take(Cost(form, length, max_message_bytes_));
  if (!share) throw HttpError(http::Busy());
  CheckedBody body(request);
  std::string message = form == Form::kText ? ReadText(body, length) : ReadMessage(body, max_message_bytes_);
  body.Verify();
  const store::Digest digest = crypto::HashSha256(message);
  if (store_.Holds(digest, message)) return Answer(store::Outcome::kExisted, digest);
  committer_.Submit(std::make_unique<PendingPost>(std::move(exchange), renderer_, std::move(*share), digest,
                                                  std::move(message)));
  return std::nullopt;
}

}  // namespace hashpost::resources
