#include "fcgi-worker/resources/health.h"

#include <sys/statvfs.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "fcgi-worker/http/problem.h"
#include "lib/json/json.h"

namespace hashpost::resources {
namespace {

// Whether the web server's spool folder (HASHPOST_HOME/tmp) has room for more, as statvfs(3) tells; true if
// it is not there (a web server that is not ours has its own). service/spool-has-room asks the same for
// Apache.
bool SpoolHasRoom(const std::string& folder) {
  constexpr std::uint64_t kLeastBytes = 1U << 20U;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return true;
  const bool has_inodes = disk.f_files == 0 || disk.f_favail > 0;  // 0: this file system does not count them
  return has_inodes && static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= kLeastBytes;
}

http::Response Json(std::string content) {
  return {.status = 200,
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          .content = std::move(content)};
}

[[noreturn]] void ThrowNotReady(std::string reason) {
  throw http::HttpError({503, "not-ready", "Not ready", std::move(reason), {{"Retry-After", "5"}}});
}

// The keeper replaces the file atomically, so it is read whole or not at all.
std::string PoolState(const std::string& file) {
  std::ifstream in(file);
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.starts_with('{') && text.ends_with('}') ? text : "null";
}

}  // namespace

std::optional<http::Response> FixedResponse::Handle(std::unique_ptr<http::Exchange>& /*exchange*/) {
  return Json(json_);
}

std::optional<http::Response> Readiness::Handle(std::unique_ptr<http::Exchange>& /*exchange*/) {
  try {
    store_.CheckWritable();
  } catch (const store::StoreError& error) {
    ThrowNotReady(error.what());
  }
  if (committer_.Delay() > max_delay_) {
    ThrowNotReady("Writes have waited for the disk for over " + std::to_string(max_delay_.count()) +
                  " s: look at the disk, and at other users of the store.");
  }
  if (!SpoolHasRoom(home_ + "/tmp")) {
    ThrowNotReady("The folder of the web server for request bodies, " + home_ +
                  "/tmp, is full: free some space there.");
  }
  std::string json = "{\"status\":\"ready\",\"pool\":" + PoolState(home_ + "/pool/pool.json");
  if (const auto damage = store_.KnownDamage()) {
    json += ",\"damage\":";
    json::AppendString(json, *damage);
  }
  return Json(json + "}");
}

}  // namespace hashpost::resources
