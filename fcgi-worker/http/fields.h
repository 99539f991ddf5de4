// Fields: the header fields of a request that somebody here reads (RFC 9110 §5). Several lines of one name
// are one list (§5.3), whether the web server has joined them or not. Views into memory that the connection
// owns; a move keeps them, so there is no copy. One thread at a time.

#pragma once

#include <algorithm>
#include <array>
#include <forward_list>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hashpost::http {

// As CGI spells them (RFC 3875 §4.1.18), without "HTTP_": upper case, '_' for '-'. Whoever reads another
// field adds it here. All others are passed over, so a request with thousands of fields takes no time.
// kTypeLines has the lines of Content-Type as nginx and lighttpd pass them on beside CONTENT_TYPE; no
// client's field has that name in CGI, and only CheckFields reads it.
inline constexpr std::string_view kTypeLines = "CONTENT-TYPE";
inline constexpr std::array<std::string_view, 11> kKnownFields = {
    "ACCEPT",   "ACCEPT_ENCODING", "CONTENT_DIGEST",    "CONTENT_ENCODING",    "CONTENT_TYPE",
    "IF_MATCH", "IF_NONE_MATCH",   "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE", "REPR_DIGEST",
    kTypeLines};

// The name of a known field; another one does not compile.
class FieldName {
 public:
  consteval FieldName(const char* text) : text_(text) {  // NOLINT(google-explicit-constructor): a literal
    if (std::find(kKnownFields.begin(), kKnownFields.end(), text_) == kKnownFields.end()) throw "not known";
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

struct Field {
  std::string_view name;
  std::string_view value;
};

class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> lines) {
    for (const Field& line : lines) Add(line.name, line.value);
  }
  Fields(Fields&&) = default;
  Fields& operator=(Fields&&) = default;

  void Clear() {
    fields_.clear();
    joined_.clear();
  }

  // Adds a line; `name` and `value` must outlive the use of this object.
  void Add(std::string_view name, std::string_view value);

  // The value of field `name`, its lines joined by ", "; nullopt if it was not sent.
  [[nodiscard]] std::optional<std::string_view> Get(FieldName name) const;

 private:
  std::vector<Field> fields_;              // each name once
  std::forward_list<std::string> joined_;  // values of several lines
};

// Throws HttpError 400 if Content-Type came more than once, or beside a field whose name becomes the same one
// in CGI (Content_Type, RFC 9110 §17.10). A list of dates needs no such check: it is no date (RFC 9110
// §13.1.3).
void CheckFields(const Fields& fields);

}  // namespace hashpost::http
