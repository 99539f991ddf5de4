// Why a request's content could not be read whole. Kept apart from HttpError, since it is the FastCGI side
// that finds it and the router that answers it.

#pragma once

#include <stdexcept>

namespace hashpost::http {

// The content ended before the length that was announced, or the connection broke.
class BodyIncomplete : public std::runtime_error {
 public:
  BodyIncomplete()
      : std::runtime_error("The content ended before the announced length: send the request again, whole.") {}
};

}  // namespace hashpost::http
