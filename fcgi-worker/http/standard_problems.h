// The problems that more than one place answers with. The whole list is in docs/http-api.md.

#pragma once

#include <string>
#include <string_view>

#include "fcgi-worker/http/problem.h"

namespace hashpost::http {

[[nodiscard]] Problem Busy();            // 503: too much is going on in this worker
[[nodiscard]] Problem BrokenOff();       // 503: an upload ended before its end
[[nodiscard]] Problem InternalError();   // 500
[[nodiscard]] Problem HeaderTooLarge();  // 431
[[nodiscard]] Problem NotFound();        // 404: no such path
[[nodiscard]] Problem MethodNotAllowed(std::string_view method, std::string_view allow);  // 405

}  // namespace hashpost::http
