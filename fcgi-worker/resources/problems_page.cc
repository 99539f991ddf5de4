// The page that GET /problems/<name> shows: every `type` of a problem document (RFC 9457 §3.1.1).

#include "fcgi-worker/resources/problems_page.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "fcgi-worker/http/problem.h"

namespace hashpost::resources {
namespace {

struct Type {
  int status;
  std::string_view slug;
  std::string_view meaning;  // HTML
};

// docs/http-api.md has the same list, and tells who makes them.
constexpr auto kTypes = std::to_array<Type>({
    {400, "malformed-json", "The body is not valid JSON (RFC 8259)."},
    {400, "not-utf-8", "The body or the message is not valid UTF-8, or holds half of a surrogate pair."},
    {400, "json-too-deep", "The JSON is nested deeper than this service reads."},
    {400, "not-an-object", "The body is valid JSON, but not an object with a member <code>message</code>."},
    {400, "message-missing", "The object has no member <code>message</code>."},
    {400, "message-duplicate", "The object has the member <code>message</code> more than once."},
    {400, "message-not-a-string", "The member <code>message</code> is not a string."},
    {400, "bad-form",
     "An upload is not a form (multipart/form-data) with exactly one whole part called <code>file</code>."},
    {400, "bad-token",
     "The upload is not a Fernet token, was cut or changed on the way, or was sealed with another "
     "key."},
    {400, "token-time", "The upload's token is older than this service takes, or dated in the future."},
    {400, "bad-file-name", "The name in the path of an upload cannot be the name of a file."},
    {400, "body-incomplete", "The body ended before its stated length."},
    {400, "bad-digest-field", "A Content-Digest or Repr-Digest field is not written as RFC 9530 says."},
    {400, "digest-mismatch",
     "The body does not have the digest that a Content-Digest or Repr-Digest field states."},
    {400, "digest-of-upload",
     "A bulk upload came with Content-Digest or Repr-Digest, which cannot be checked before its lines are "
     "stored."},
    {400, "repeated-field",
     "Content-Type came more than once, or beside a field whose name becomes the same one in CGI."},
    {400, "bad-request", "The request is not well-formed HTTP, or a header field is too long."},
    {401, "unauthorized", "The request needs a name and a password (HTTP Basic authentication)."},
    {403, "forbidden", "The request is not allowed from where it came."},
    {404, "message-not-found",
     "No message with this digest is stored; it was never posted, or it was deleted."},
    {404, "not-found", "There is nothing at this path."},
    {404, "drop-off", "This service takes no files: its operator turned that off."},
    {405, "method-not-allowed",
     "The path does not know this method; the Allow field lists the ones it knows."},
    {406, "not-acceptable", "The Accept field excludes every form in which the message can be sent."},
    {408, "timeout", "The request did not arrive in time."},
    {409, "replayed", "The token is older than what its name holds, which is kept; seal the content again."},
    {411, "length-required", "The length of the body is unknown; send it in a Content-Length field."},
    {412, "precondition-failed", "A condition of the request, such as If-Match, does not hold."},
    {413, "too-large", "The body or the message is larger than this service accepts."},
    {414, "uri-too-long", "The URL is longer than any path of this service."},
    {415, "unsupported-media-type",
     "The body is of a type that this service does not take; the Accept-Post field lists the ones it takes."},
    {415, "unsupported-content-coding", "The body is compressed; send it as it is."},
    {417, "expectation-failed", "The Expect field asks for something else than 100-continue."},
    {429, "too-many-logins",
     "Too many requests with a name and a password came from one address; send the request again after the "
     "seconds in Retry-After."},
    {431, "header-too-large", "The header fields are too large."},
    {500, "internal-error", "The server met a fault of its own; its log tells more."},
    {500, "record-damaged",
     "The stored bytes do not hash to the digest asked for, so they are not sent; restore the message from a "
     "backup or post it again."},
    {500, "store-damaged",
     "The store is damaged: it cannot be said whether this message was stored, or nothing new may be "
     "written; the "
     "operator must repair it."},
    {501, "not-implemented", "The server does not know this method or transfer coding."},
    {502, "bad-gateway", "The response of a worker broke off or made no sense."},
    {503, "busy",
     "The messages being handled fill the memory reserved for them; send the request again after the seconds "
     "in Retry-After."},
    {503, "drop-unavailable",
     "The file drop could not start, or cannot write to its folder; the log of the service says why."},
    {503, "upload-broken-off",
     "The upload ended before its end; send all of it again, which stores nothing twice."},
    {503, "store-read-only",
     "The disk of the store is read-only: nothing can be stored or deleted, and stored messages can be "
     "read."},
    {503, "store-unavailable",
     "The store cannot be used now; send the request again after the seconds in Retry-After."},
    {503, "not-ready", "The service cannot store messages now; the sentence in the response says why."},
    {503, "unavailable",
     "No worker can be reached now; send the request again after the seconds in Retry-After."},
    {504, "gateway-timeout", "A worker did not respond in time."},
    {505, "http-version", "The server does not speak this version of HTTP."},
    {507, "drop-full", "The disk of the file drop is full; send the file again later."},
    {507, "store-full", "The store has reached its limit or the disk is full; reading goes on."},
    {507, "spool-full",
     "The disk of the folder in which the web server keeps request bodies is probably full; send the request "
     "again later."},
});

constexpr std::string_view kHead =
    R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hashpost: problem types</title>
<style>body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{padding:.2rem 1rem .2rem 0;text-align:left;vertical-align:top}</style>
</head>
<body>
<h1>Problem types</h1>
<p>Every failure is an <code>application/problem+json</code> document (RFC 9457). Its <code>type</code>
is one of these; its <code>detail</code> and <code>err_msg</code> say in one sentence what to do.</p>
<table>
<tr><th>type</th><th>status</th><th>meaning</th></tr>
)";

std::string Page() {
  std::string page(kHead);
  for (const Type& type : kTypes) {
    page.append("<tr><td><code>/problems/").append(type.slug).append("</code></td><td>");
    page.append(std::to_string(type.status)).append("</td><td>").append(type.meaning).append("</td></tr>\n");
  }
  return page + "</table>\n</body>\n</html>\n";
}

bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

std::optional<http::Response> ProblemsPage::Handle(std::unique_ptr<http::Exchange>& exchange) {
  if (!IsName(exchange->request().path.substr(kPath.size()))) throw http::HttpError(http::NotFound());
  return http::Response{
      .status = 200, .headers = {{"Content-Type", "text/html; charset=utf-8"}}, .content = Page()};
}

}  // namespace hashpost::resources
