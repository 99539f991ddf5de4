// Forms (RFC 7578) in MIME's multipart syntax (RFC 2046 §5.1.1); Content-Disposition as RFC 2183 §2 has it.

#include "fcgi-worker/drop/multipart.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "fcgi-worker/http/field_syntax.h"
#include "fcgi-worker/http/problem.h"
#include "lib/utf8/utf8.h"

namespace hashpost::drop {
namespace {

constexpr std::size_t kMaxBoundaryBytes = 70;
constexpr std::size_t kShownBytes = 64;

[[noreturn]] void Refuse(std::string sentence) {
  throw http::HttpError({400, "bad-form", "Bad form", std::move(sentence)});
}

[[noreturn]] void RefuseCut() {
  Refuse("The form ends before its closing boundary, so the file may not be whole: send it again.");
}

[[noreturn]] void RefuseLineFeed() {
  Refuse("A line of the form ends with a bare line feed: end each with CR LF (RFC 2046, section 4.1.1).");
}

void CheckBoundary(std::string_view text) {
  constexpr std::string_view kSigns = "'()+_,-./:=? ";
  if (text.empty())
    Refuse("The Content-Type names no boundary: let your client set the field, as curl -F does.");
  if (text.size() > kMaxBoundaryBytes) {
    Refuse("The boundary has " + std::to_string(text.size()) + " bytes, and may have " +
           std::to_string(kMaxBoundaryBytes) + " (RFC 2046, section 5.1.1): choose a shorter one.");
  }
  const auto* const odd = std::ranges::find_if(text, [&](char byte) {
    return !http::IsDigit(byte) && !(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
           kSigns.find(byte) == std::string_view::npos;
  });
  if (odd != text.end()) {
    const std::string which =
        *odd >= ' ' && *odd <= '~' ? "the character " + std::string(1, *odd) : "a character beyond ASCII";
    Refuse("The boundary holds " + which +
           ", but only letters, digits, spaces and ' ( ) + _ , - . / : = ? may be in it (RFC 2046, section "
           "5.1.1): choose another.");
  }
  if (text.back() == ' ') Refuse("The boundary ends with a space (RFC 2046, section 5.1.1): choose another.");
}

// The value of parameter `name` behind the first word of a field; empty if it is not there. nullopt: the
// field is not well-formed, or has the parameter twice.
std::optional<std::string> Parameter(http::FieldReader reader, std::string_view name) {
  // Some clients quote no boundary whatever it holds.
  const auto belongs = [](char byte) {
    return static_cast<unsigned char>(byte) > ' ' && byte != ';' && byte != '"';
  };
  std::optional<std::string> found;
  http::FieldParameter parameter;
  http::ParameterStep step = http::ParameterStep::kEnd;
  while ((step = reader.TakeParameter(parameter, belongs)) == http::ParameterStep::kTaken) {
    if (!http::EqualsIgnoringCase(parameter.name, name)) continue;
    if (found) return std::nullopt;
    found = std::move(parameter.value);
  }
  if (step == http::ParameterStep::kFault || !reader.AtEnd()) return std::nullopt;
  return found.value_or(std::string());
}

// What a field of the part's header says, as far as it matters here.
void TakeField(std::string_view line, std::optional<std::string>& part_name) {
  http::FieldReader reader(line);
  const std::string_view field = reader.TakeToken();
  if (field.empty() || !reader.Take(":"))
    Refuse("A line in the header of the form's part is not Name: value.");
  reader.SkipWhiteSpace();
  if (http::EqualsIgnoringCase(field, "content-transfer-encoding")) {
    const std::string_view coding = reader.TakeToken();
    if (!http::EqualsIgnoringCase(coding, "binary") && !http::EqualsIgnoringCase(coding, "8bit") &&
        !http::EqualsIgnoringCase(coding, "7bit")) {
      Refuse("The form's part has a Content-Transfer-Encoding (RFC 7578 has none): send the file as it is.");
    }
  }
  if (!http::EqualsIgnoringCase(field, "content-disposition")) return;
  if (!http::EqualsIgnoringCase(reader.TakeToken(), "form-data")) {
    Refuse("The Content-Disposition of the form's part must be form-data.");
  }
  std::optional<std::string> name = Parameter(reader, "name");
  if (!name || part_name)
    Refuse("The Content-Disposition of the form's part is not well-formed, or comes twice.");
  part_name = std::move(name);
}

}  // namespace

std::string FormBoundary(std::string_view content_type) {
  http::FieldReader reader(content_type);
  reader.SkipWhiteSpace();
  const std::string_view type = reader.TakeToken();
  if (!http::EqualsIgnoringCase(type, "multipart") || !reader.Take("/") ||
      !http::EqualsIgnoringCase(reader.TakeToken(), "form-data")) {
    throw http::HttpError(
        {415,
         "unsupported-media-type",
         "Unsupported media type",
         "Send the file as a form: Content-Type: multipart/form-data; boundary=…, as curl -F does.",
         {{"Accept-Post", "multipart/form-data"}}});
  }
  const std::optional<std::string> boundary = Parameter(reader, "boundary");
  if (!boundary) {
    Refuse(
        "The parameters of the Content-Type are not well-formed, or it names two boundaries: send one "
        "boundary, in quotes if it holds more than letters and digits.");
  }
  CheckBoundary(*boundary);
  return *boundary;
}

FormFile::FormFile(io::ByteSource& body, std::string_view boundary, std::string_view name)
    : body_(body), delimiter_("\r\n--" + std::string(boundary)), buffer_(new std::array<char, kBufferBytes>) {
  // The first boundary may be the very first line, without the line break that belongs to the others.
  (*buffer_)[end_++] = '\r';
  (*buffer_)[end_++] = '\n';
  SkipPreamble();
  if (!TakeDelimiter())
    Refuse("The form has no part: send the file as the part \"" + std::string(name) + "\".");
  TakeHead(name);
}

// Reads more of the body behind what is there; false at its end. Only to be called when there is room, or
// nothing is known to be content.
bool FormFile::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_->data(), buffer_->data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t got = body_.Read(std::span(*buffer_).subspan(end_));
  end_ += got;
  return got > 0;
}

// How much content is in the buffer; 0: the delimiter stands next.
std::size_t FormFile::ContentAhead() {
  for (;;) {
    const std::string_view held(buffer_->data() + begin_, end_ - begin_);
    const std::size_t found = held.find(delimiter_);
    if (found != std::string_view::npos) return found;
    // The delimiter has one CR only, at its front: so only behind the last one may it have begun.
    const std::size_t last = held.rfind('\r');
    const bool may_begin = last != std::string_view::npos && delimiter_.starts_with(held.substr(last));
    const std::size_t content = may_begin ? last : held.size();
    if (content > 0) {
      const std::size_t kept = delimiter_.size() + kBehindDelimiter;
      tail_ += held.substr(content - std::min(content, kept), std::min(content, kept));
      tail_.erase(0, tail_.size() - std::min(tail_.size(), kept));
      return content;
    }
    if (!Fill()) RefuseEnd();
  }
}

// The body has ended where content was. If its last line is the closing boundary but for the way in which the
// line before it ends, that is what is wrong.
void FormFile::RefuseEnd() const {
  const std::string_view with_line_feed = std::string_view(delimiter_).substr(1);
  if (tail_.find(with_line_feed) != std::string::npos) RefuseLineFeed();
  RefuseCut();
}

// The next byte outside of the content.
char FormFile::Next() {
  if (begin_ == end_ && !Fill()) RefuseCut();
  return (*buffer_)[begin_++];
}

void FormFile::SkipPreamble() {
  std::size_t skipped = 0;
  while (const std::size_t size = ContentAhead()) {
    begin_ += size;
    skipped += size;
    if (skipped > kMaxHeadBytes) {
      Refuse(
          "The form does not begin with the boundary that its Content-Type names: let your client choose "
          "both.");
    }
  }
}

// Takes the delimiter, which stands next, and the rest of its line; false if it closes the form, and then
// without the rest of its line.
bool FormFile::TakeDelimiter() {
  begin_ += delimiter_.size();
  char byte = Next();
  if (byte == '-' && Next() == '-') return false;
  for (std::size_t padding = 0; byte == ' ' || byte == '\t'; byte = Next()) {
    if (++padding > kMaxHeadBytes) break;
  }
  if (byte == '\n') RefuseLineFeed();
  if (byte != '\r' || Next() != '\n')
    Refuse("Something stands behind a boundary on its line: choose another boundary.");
  return true;
}

// A line without its end. `allowance` is how much more of them may come.
std::string FormFile::TakeLine(std::size_t& allowance) {
  std::string line;
  for (;;) {
    const char byte = Next();
    if (allowance-- == 0) {
      Refuse("The header of the form's part is over " + std::to_string(kMaxHeadBytes) +
             " bytes: shorten it.");
    }
    if (byte == '\r') {
      if (Next() != '\n') Refuse("A line in the header of the form's part does not end with CR LF.");
      return line;
    }
    if (byte == '\n') RefuseLineFeed();
    const auto value = static_cast<unsigned char>(byte);
    if ((value < 0x20 && byte != '\t') || value == 0x7F) {
      Refuse("The header of the form's part holds a control character.");
    }
    line += byte;
  }
}

void FormFile::TakeHead(std::string_view name) {
  std::size_t allowance = kMaxHeadBytes;
  std::optional<std::string> part_name;
  for (std::string line = TakeLine(allowance); !line.empty(); line = TakeLine(allowance))
    TakeField(line, part_name);
  if (!part_name || *part_name != name) {
    const std::string found = part_name && !part_name->empty()
                                  ? "is called \"" + utf8::Printable(*part_name, kShownBytes) + "\""
                                  : "has no name";
    Refuse("The form's part " + found + ": send the file as the part \"" + std::string(name) + "\".");
  }
}

// What may stand behind the closing boundary: white space, and lines that mean nothing.
void FormFile::TakeEpilogue() {
  bool on_line = true;
  std::size_t size = 0;
  for (bool more = begin_ < end_ || Fill(); more; more = begin_ < end_ || Fill()) {
    const char byte = (*buffer_)[begin_++];
    if (byte == '\r' || byte == '\n') on_line = false;
    if (++size > kMaxHeadBytes || (on_line && byte != ' ' && byte != '\t')) {
      Refuse("Something stands behind the closing boundary of the form: send one part and nothing else.");
    }
  }
}

std::size_t FormFile::Read(std::span<char> buffer) {
  if (ended_) return 0;
  if (content_ == 0) content_ = ContentAhead();
  if (content_ == 0) {
    if (TakeDelimiter()) Refuse("The form has more than one part: upload one file at a time.");
    TakeEpilogue();
    ended_ = true;
    return 0;
  }
  const std::size_t size = std::min(buffer.size(), content_);
  std::memcpy(buffer.data(), buffer_->data() + begin_, size);
  begin_ += size;
  content_ -= size;
  return size;
}

}  // namespace hashpost::drop
