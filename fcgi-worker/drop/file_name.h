// The name under which a file is uploaded: what may become a file of that name, and nothing else. Stateless.

#pragma once

#include <string>
#include <string_view>

namespace hashpost::drop {

inline constexpr std::size_t kMaxFileNameBytes = 200;

// `name`, the last part of a decoded path, if it is 1 to kMaxFileNameBytes bytes of UTF-8 without control
// characters and others that are not shown (utf8::HasHiddenCharacter), has no '/' and does not begin with a
// dot; so "<name>.xml" names a visible file in the folder that it is put in. Throws HttpError (400, slug
// bad-file-name).
[[nodiscard]] std::string CheckedFileName(std::string_view name);

}  // namespace hashpost::drop
