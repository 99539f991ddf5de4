// FieldReader: walks over a field value by the common rules of RFC 9110 §5.6: tokens, optional white space,
// lists. A plain value over a view that must outlive it. Only for http/.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hashpost::http {

// Whether `byte` may stand in a token (RFC 9110 §5.6.2).
[[nodiscard]] bool IsTokenChar(char byte);

[[nodiscard]] inline bool IsDigit(char byte) {
  return byte >= '0' && byte <= '9';
}

// In ASCII only, whatever the locale.
[[nodiscard]] std::string ToLower(std::string_view text);
[[nodiscard]] bool EqualsIgnoringCase(std::string_view left, std::string_view right);

// A parameter of a field value (RFC 9110 §5.6.6).
struct FieldParameter {
  std::string_view name;  // as it was sent
  std::string value;      // without quotes
};

enum class ParameterStep { kTaken, kEnd, kFault };

class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool AtEnd() const { return rest_.empty(); }
  [[nodiscard]] char Peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  // Takes `expected` if it stands next.
  bool Take(std::string_view expected);

  // Takes the longest run of bytes that `belongs` accepts, which may be empty.
  template <typename Predicate>
  std::string_view TakeWhile(Predicate belongs) {
    std::size_t size = 0;
    while (size < rest_.size() && belongs(rest_[size])) ++size;
    const std::string_view run = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return run;
  }

  // Spaces and tabs.
  void SkipWhiteSpace();

  // A token, empty if none stands here.
  std::string_view TakeToken() { return TakeWhile(IsTokenChar); }

  // A quoted-string (RFC 9110 §5.6.4) without its quotes and escapes; nullopt if there is none.
  std::optional<std::string> TakeQuotedString();

  // Takes *( OWS ";" OWS [ parameter ] ) up to one parameter, which goes into `parameter`; kEnd: no more
  // come. A value without quotes is a token; or what `belongs` accepts, which may be empty.
  ParameterStep TakeParameter(FieldParameter& parameter, bool (*belongs)(char) = nullptr);

  // Goes to the next list element: past the next comma that no quoted-string holds. False: to the end.
  bool SkipElement();

 private:
  std::string_view rest_;
};

}  // namespace hashpost::http
