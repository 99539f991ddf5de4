// https://curl.se/libcurl/c/

#include "file-sender/upload.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "file-sender/naming.h"

namespace hashpost::sender {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kConnectSeconds = 10;
constexpr long kSilentSeconds = 60;
// After the last byte the receiver opens and syncs the file without a word; so slow it may be.
constexpr std::uint64_t kSlowestBytesPerSecond = std::uint64_t{8} << 20U;
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10U;
constexpr std::chrono::seconds kGrace{2};

// Whether the transfer ended before there was a connection that could carry anything.
bool NeverConnected(CURLcode code, CURL* curl) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return true;
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t sent = 0;
      curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
      return sent == 0;
    }
    default:
      return false;
  }
}

struct Mime {
  explicit Mime(CURL* curl) : form(curl_mime_init(curl)) {
    if (form == nullptr) throw std::bad_alloc();
  }
  ~Mime() { curl_mime_free(form); }
  Mime(const Mime&) = delete;
  Mime& operator=(const Mime&) = delete;
  curl_mime* form;
};

}  // namespace

// What libcurl's callbacks see of one upload.
struct Uploader::Transfer {
  Transfer(int file, std::uint64_t file_size, const std::function<void()>& before_last_byte_sent,
           const std::stop_token& stop_token)
      : fd(file), size(file_size), before_last_byte(before_last_byte_sent), stop(stop_token) {}

  const int fd;
  const std::uint64_t size;
  const std::function<void()>& before_last_byte;
  const std::stop_token& stop;
  std::uint64_t position = 0;
  std::string answer = {};
  std::optional<Clock::time_point> stopping_since = std::nullopt;
  std::array<char, CURL_ERROR_SIZE> error = {};

  static std::size_t Read(char* buffer, std::size_t unit, std::size_t units, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const std::uint64_t wanted = std::min<std::uint64_t>(unit * units, transfer->size - transfer->position);
    const ssize_t count = ::pread(transfer->fd, buffer, wanted, static_cast<off_t>(transfer->position));
    if (count < 0) return CURL_READFUNC_ABORT;
    transfer->position += static_cast<std::uint64_t>(count);
    if (transfer->position == transfer->size) transfer->before_last_byte();
    return static_cast<std::size_t>(count);
  }

  // libcurl goes back to the front when a kept connection turns out to be closed, and sends all again.
  static int Seek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(self)->position = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t Answer(char* bytes, std::size_t unit, std::size_t units, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    transfer->answer.append(bytes, std::min(unit * units, kMaxAnswerBytes - transfer->answer.size()));
    return unit * units;
  }

  static int Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto* transfer = static_cast<Transfer*>(self);
    if (!transfer->stop.stop_requested()) return 0;
    if (!transfer->stopping_since) transfer->stopping_since = Clock::now();
    return Clock::now() - *transfer->stopping_since > kGrace ? 1 : 0;
  }
};

UploadLibrary::UploadLibrary() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start.");
}

UploadLibrary::~UploadLibrary() {
  curl_global_cleanup();
}

namespace {

// What is the same for every transfer on `curl`.
void SetUp(CURL* curl, const Receiver& receiver) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10U);
  if (!receiver.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, receiver.ca_file.c_str());
  if (!receiver.certificate.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, receiver.certificate.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, receiver.certificate_key.c_str());
  }
}

std::string Sentence(CURLcode code, const std::array<char, CURL_ERROR_SIZE>& error, const std::string& url) {
  const std::string words = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
  return url + ": " + words + ".";
}

}  // namespace

Uploader::Uploader(const Receiver& receiver, std::stop_token stop)
    : receiver_(receiver), stop_(std::move(stop)), curl_(curl_easy_init(), curl_easy_cleanup) {
  if (!curl_) throw std::bad_alloc();
}

Uploader::~Uploader() = default;

UploadResult Uploader::Upload(const std::string& target, int fd, std::uint64_t size,
                              const std::function<void()>& before_last_byte) {
  CURL* curl = curl_.get();
  Transfer transfer(fd, size, before_last_byte, stop_);
  curl_easy_reset(curl);  // the connection stays
  SetUp(curl, receiver_);

  const Mime mime(curl);
  curl_mimepart* part = curl_mime_addpart(mime.form);
  curl_mime_name(part, "file");
  curl_mime_filename(part, (target + ".xml.enc").c_str());
  curl_mime_type(part, "application/octet-stream");
  curl_mime_data_cb(part, static_cast<curl_off_t>(size), Transfer::Read, Transfer::Seek, nullptr, &transfer);
  // Without it an old receiver, which says no 100, would make each big upload wait for a second.
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields(curl_slist_append(nullptr, "Expect:"),
                                                                  curl_slist_free_all);

  curl_easy_setopt(curl, CURLOPT_URL, (receiver_.url + "/" + PercentEncode(target)).c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime.form);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.error.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Transfer::Answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Transfer::Progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                   kSilentSeconds + static_cast<long>(size / kSlowestBytesPerSecond));
  const CURLcode code = curl_easy_perform(curl);

  long status = 0;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, nullptr);
  // (A receiver may refuse and hang up before it has read everything.)
  if (code == CURLE_OK || status >= 400) {
    return JudgeAnswer(static_cast<int>(status), transfer.answer, std::chrono::seconds(retry_after));
  }
  using Kind = UploadResult::Kind;
  if (code == CURLE_ABORTED_BY_CALLBACK && stop_.stop_requested()) return {Kind::kStopped, ""};
  const Kind kind = NeverConnected(code, curl) ? Kind::kUnreachable : Kind::kFailed;
  return {kind, Sentence(code, transfer.error, receiver_.url)};
}

std::optional<std::string> Uploader::Probe() {
  const std::unique_ptr<void, void (*)(void*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw std::bad_alloc();
  std::array<char, CURL_ERROR_SIZE> error{};
  SetUp(curl.get(), receiver_);
  curl_easy_setopt(curl.get(), CURLOPT_URL, receiver_.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error.data());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return std::nullopt;
  return Sentence(code, error, receiver_.url);
}

}  // namespace hashpost::sender
