#include "fcgi-worker/resources/message.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fcgi-worker/http/conditional.h"
#include "fcgi-worker/http/digest_fields.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/route.h"
#include "fcgi-worker/resources/message_json.h"
#include "lib/json/json.h"
#include "lib/utf8/utf8.h"

namespace hashpost::resources {
namespace {

using http::HttpError;

// Messages up to this size are answered whole, so that a worker that dies cannot leave half of one behind.
constexpr std::size_t kWholeBytes = http::kInlineBytes;
constexpr std::size_t kShownHash = 200;

constexpr std::array<std::string_view, 2> kOffers = {"application/json", "text/plain"};

constexpr std::string_view kOpen = "{\"message\":";
constexpr std::string_view kEnd = "}";

[[noreturn]] void ThrowNotFound(std::string_view hash) {
  throw HttpError({404, "message-not-found", "Message not found",
                   "Message not found for hash: " + utf8::Printable(hash, kShownHash)});
}

Form NegotiateForm(const http::Request& request) {
  const auto choice = http::Negotiate(request.Header("ACCEPT"), kOffers);
  if (choice) return static_cast<Form>(*choice);
  throw HttpError({406,
                   "not-acceptable",
                   "Not acceptable",
                   "A message is given as application/json or text/plain: name one of them in Accept.",
                   {{"Vary", "Accept"}}});
}

// Each representation has a tag of its own. The content of a digest never changes, so the digest is the tag.
std::string EntityTag(const store::Digest& digest, Form form) {
  return "\"" + digest.Hex() + (form == Form::kJson ? ".json\"" : ".txt\"");
}

// Never in the future (RFC 9110 §8.8.2.1), even if the clock was set back since.
std::int64_t LastModified(std::int64_t created_ms) {
  return std::min<std::int64_t>(created_ms / 1000, std::time(nullptr));
}

[[noreturn]] void ThrowPreconditionFailed() {
  throw HttpError(
      {412, "precondition-failed", "Precondition failed",
       "The message is there, but not as If-Match, If-None-Match or If-Unmodified-Since demands: leave them "
       "out, or use the ETag of a GET."});
}

// A message as {"message":"…"}, or as its bytes, too big to be built whole.
class BigMessage : public http::StreamedContent {
 public:
  BigMessage(std::string message, Form form, memory::Budget::Share share)
      : message_(std::move(message)),
        form_(form),
        string_size_(form == Form::kJson ? json::StringSize(message_) : 0),
        share_(std::move(share)) {}

  [[nodiscard]] std::uint64_t Size() const override {
    if (form_ == Form::kText) return message_.size();
    return kOpen.size() + string_size_ + kEnd.size();
  }
  void WriteTo(io::ByteSink& sink) override {
    if (form_ == Form::kText) {
      sink.Write(message_);
      return;
    }
    sink.Write(kOpen);
    json::WriteString(sink, message_, string_size_);
    sink.Write(kEnd);
  }

 private:
  const std::string message_;
  const Form form_;
  const std::size_t string_size_;  // as JSON
  memory::Budget::Share share_;
};

void SetContent(http::Response& response, std::string message, Form form, memory::Budget::Share share) {
  if (message.size() > kWholeBytes) {
    response.streamed = std::make_unique<BigMessage>(std::move(message), form, std::move(share));
  } else if (form == Form::kText) {
    response.content = std::move(message);
  } else {
    response.content.reserve(message.size() + message.size() / 8 + kOpen.size() + kEnd.size() + 2);
    response.content.append(kOpen);
    json::AppendString(response.content, message);
    response.content.append(kEnd);
  }
}

class PendingDelete : public store::PendingWrite {
 public:
  PendingDelete(std::unique_ptr<http::Exchange> exchange, const ProblemRenderer& renderer,
                const store::Digest& digest)
      : exchange_(std::move(exchange)), renderer_(renderer), digest_(digest) {}

  [[nodiscard]] store::Change change() const override { return {digest_, std::nullopt}; }
  void Done(store::Outcome outcome) noexcept override {
    try {
      if (outcome == store::Outcome::kAbsent) ThrowNotFound(digest_.Hex());  // somebody else was faster
      exchange_->Respond({.status = 200,
                          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                          .content = "{\"message_deleted\":\"" + digest_.Hex() + "\"}"});
    } catch (...) {
      Failed(std::current_exception());
    }
  }
  void Failed(const std::exception_ptr& error) noexcept override {
    exchange_->Respond(renderer_.Answer(error));
  }

 private:
  std::unique_ptr<http::Exchange> exchange_;
  const ProblemRenderer& renderer_;
  const store::Digest digest_;
};

}  // namespace

// (What fails here fails again in Get, which says so.)
bool Message::HasBigResponse(const http::Request& request) const noexcept try {
  if (request.method != "GET" && request.method != "HEAD") return false;
  const auto digest = store::Digest::FromHex(request.path.substr(kPath.size()));
  const auto info = digest ? store_.Find(*digest) : std::nullopt;
  return info && info->size > kWholeBytes;
} catch (...) {
  return false;
}

std::optional<http::Response> Message::Handle(std::unique_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  const std::string_view hash = request.path.substr(kPath.size());
  const auto digest = store::Digest::FromHex(hash);
  if (!digest) ThrowNotFound(hash);
  if (request.method == "DELETE") return Delete(exchange, *digest);
  return Get(exchange, *digest);
}

std::optional<http::Response> Message::Get(std::unique_ptr<http::Exchange>& exchange,
                                           const store::Digest& digest) {
  const http::Request& request = exchange->request();
  const Form form = NegotiateForm(request);
  std::vector<std::string> etags = {EntityTag(digest, form)};
  // Whether it is coded, the web server decides. A client that takes no coding is never sent such a one, so
  // that tag names nothing for it.
  const bool may_be_coded = gzip_ && http::AcceptsGzip(request.Header("ACCEPT_ENCODING").value_or(""));
  if (may_be_coded) etags.push_back(http::GzipTag(etags[0]));
  memory::Budget::Share share;
  const auto admit = [&](std::size_t bytes) {
    auto taken = budget_.Take(bytes);
    if (!taken) throw HttpError(http::Busy());
    share = std::move(*taken);
  };
  http::Response response;
  response.headers = {{"ETag", etags[0]},
                      {"Vary", gzip_ ? "Accept, Accept-Encoding" : "Accept"},
                      {"Cache-Control", "private, no-cache"}};
  std::optional<store::StoredMessage> message = store_.Get(digest, admit);
  if (!message) ThrowNotFound(digest.Hex());
  const std::int64_t last_modified = LastModified(message->created_ms);
  response.headers.emplace_back("Last-Modified", http::FormatDate(last_modified));
  switch (http::Evaluate(request, {etags, last_modified})) {
    case http::Precondition::kFailed:
      ThrowPreconditionFailed();
    case http::Precondition::kNotModified:
      // 304 names the representation that the client has (RFC 9111 §4.3.4).
      if (may_be_coded && http::Evaluate(request, {std::span(etags).first(1), last_modified}) !=
                              http::Precondition::kNotModified) {
        response.headers.front().second = etags[1];
      }
      response.status = 304;
      return response;
    case http::Precondition::kProceed:
      break;
  }
  if (form == Form::kText) {
    response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    // (Of a coded representation it would be another one: RFC 9530 §3.)
    if (!may_be_coded) response.headers.emplace_back("Repr-Digest", http::FormatDigestField(digest));
  } else {
    response.headers.emplace_back("Content-Type", "application/json");
  }
  SetContent(response, std::move(message->bytes), form, std::move(share));
  return response;
}

std::optional<http::Response> Message::Delete(std::unique_ptr<http::Exchange>& exchange,
                                              const store::Digest& digest) {
  const auto info = store_.Find(digest);
  if (!info) ThrowNotFound(digest.Hex());
  // A client may hold the tag of any representation.
  std::vector<std::string> etags = {EntityTag(digest, Form::kJson), EntityTag(digest, Form::kText)};
  if (gzip_) etags.insert(etags.end(), {http::GzipTag(etags[0]), http::GzipTag(etags[1])});
  if (http::Evaluate(exchange->request(), {etags, LastModified(info->created_ms)}) !=
      http::Precondition::kProceed) {
    ThrowPreconditionFailed();
  }
  committer_.Submit(std::make_unique<PendingDelete>(std::move(exchange), renderer_, digest));
  return std::nullopt;
}

}  // namespace hashpost::resources
