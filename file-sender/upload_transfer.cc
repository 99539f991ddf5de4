#include "file-sender/upload_transfer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace hashpost::sender {
namespace {

constexpr std::size_t kMaxBodyBytes = std::size_t{64} << 10U;
constexpr std::chrono::seconds kGrace{2};  // for an upload to end after a stop

}  // namespace

void Transfer::Attach(curl_mimepart* part) {
  curl_mime_data_cb(part, static_cast<curl_off_t>(size_), Read, Seek, nullptr, this);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, error_.data());
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, Header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, Body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, Progress);
  curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, this);
}

std::size_t Transfer::Read(char* buffer, std::size_t unit, std::size_t units, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::uint64_t wanted = std::min<std::uint64_t>(unit * units, transfer->size_ - transfer->position_);
  const ssize_t count = ::pread(transfer->fd_, buffer, wanted, static_cast<off_t>(transfer->position_));
  if (count < 0) return CURL_READFUNC_ABORT;
  transfer->position_ += static_cast<std::uint64_t>(count);
  if (transfer->position_ == transfer->size_) transfer->before_last_byte_();
  return static_cast<std::size_t>(count);
}

// libcurl goes back to the front when a kept connection turns out to be closed, and sends all again.
int Transfer::Seek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Transfer*>(self)->position_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// Whether the whole form, its end included, was handed to the kernel. (libcurl reads ahead, so the position
// in the file would not tell.)
bool Transfer::IsSent() const {
  curl_off_t sent = 0;
  curl_off_t size = 0;
  curl_easy_getinfo(curl_, CURLINFO_SIZE_UPLOAD_T, &sent);
  curl_easy_getinfo(curl_, CURLINFO_CONTENT_LENGTH_UPLOAD_T, &size);
  return size > 0 && sent >= size;
}

// A receiver cannot have a file that was not yet sent, whatever says 201 to it. (One that fails or sends
// elsewhere may do so at any time.)
std::size_t Transfer::Header(char* line, std::size_t unit, std::size_t units, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::string_view text(line, unit * units);
  if (!text.starts_with("HTTP/")) return unit * units;
  const std::size_t status = std::min(text.find(' '), text.size() - 1) + 1;
  transfer->responds_ = !text.substr(status).starts_with('1');
  if (text.substr(status).starts_with('2') && !transfer->IsSent()) {
    transfer->fault_ = "status " + std::string(text.substr(status, 3)) +
                       " came before the whole file was sent, so it is not the receiver's";
    return 0;
  }
  return unit * units;
}

std::size_t Transfer::Body(char* bytes, std::size_t unit, std::size_t units, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::size_t room = kMaxBodyBytes - transfer->body_.size();
  transfer->body_.append(bytes, std::min(unit * units, room));
  if (unit * units <= room) return unit * units;
  transfer->fault_ = "the response is longer than " + std::to_string(kMaxBodyBytes) + " bytes";
  return 0;
}

int Transfer::Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(self);
  const Clock::time_point now = Clock::now();
  // (A receiver that refuses may say so before it has everything, and libcurl then sends no more.)
  if (!transfer->responds_ && !transfer->IsSent())
    transfer->waiting_since_.reset();
  else if (!transfer->waiting_since_)
    transfer->waiting_since_ = now;
  if (transfer->waiting_since_ && now - *transfer->waiting_since_ > transfer->response_time_) {
    transfer->fault_ = "the response had not ended " + std::to_string(transfer->response_time_.count()) +
                       " s after " + (transfer->IsSent() ? "the last byte was sent" : "it had begun") +
                       "; a receiver that needs longer wants a higher RECEIVER_SILENT_SECONDS";
    return 1;
  }
  if (!transfer->stop_.stop_requested()) return 0;
  if (!transfer->stopping_since_) transfer->stopping_since_ = now;
  return now - *transfer->stopping_since_ > kGrace ? 1 : 0;
}

}  // namespace hashpost::sender
