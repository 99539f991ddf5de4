// https://curl.se/libcurl/c/

#include "file-sender/upload.h"

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <utility>

#include "file-sender/naming.h"
#include "file-sender/upload_options.h"
#include "file-sender/upload_transfer.h"

namespace hashpost::sender {
namespace {

// After the last byte the receiver opens and syncs the file without a word; so slow it may be.
constexpr std::uint64_t kSlowestBytesPerSecond = std::uint64_t{8} << 20U;

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
      long status = 0;
      curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
      return sent == 0 && status == 0;
    }
    default: {
      long proxy_status = 0;  // of a CONNECT that it refused
      curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
      return proxy_status >= 300;
    }
  }
}

std::string Sentence(CURLcode code, const char* error, const Receiver& receiver) {
  std::string text = receiver.url + ": " + (*error != '\0' ? error : curl_easy_strerror(code)) + ".";
  if (code == CURLE_SSL_CONNECT_ERROR && SpeaksPlainHttp(receiver)) {
    text += " The port speaks plain HTTP: set RECEIVER_SCHEME=http, or the port for TLS.";
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    text += " RECEIVER_CONNECT_SECONDS and RECEIVER_SILENT_SECONDS say how long it may take.";
  }
  return text;
}

// Whether a port for TLS may have said this to plain HTTP.
bool MayBeTls(CURLcode code, long status, const Receiver& receiver) {
  return !receiver.tls && (status == 400 || (status == 0 && code != CURLE_OK)) && SpeaksTls(receiver);
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

UploadLibrary::UploadLibrary() {
  // libcurl would write the secrets of each connection into the file that this names.
  ::unsetenv("SSLKEYLOGFILE");
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start.");
}

UploadLibrary::~UploadLibrary() {
  curl_global_cleanup();
}

// A handle with its kept connection, and the files that this was made with.
class Uploader::Connection {
 public:
  explicit Connection(const Receiver& receiver) : receiver_(receiver) {}

  // With the options of every transfer set, and no other.
  [[nodiscard]] CURL* Ready() {
    const TlsFiles files = StampTlsFiles(receiver_);
    if (files != files_) {  // neither a connection nor a session that the old files vouched for is used again
      curl_ = NewCurlHandle();
      files_ = files;
    }
    curl_easy_reset(curl_.get());  // the connection stays
    SetUp(curl_.get(), receiver_);
    return curl_.get();
  }

 private:
  const Receiver& receiver_;
  TlsFiles files_ = StampTlsFiles(receiver_);
  CurlHandle curl_ = NewCurlHandle();
};

Uploader::Uploader(const Receiver& receiver, std::stop_token stop)
    : receiver_(receiver), stop_(std::move(stop)), connection_(std::make_unique<Connection>(receiver)) {}

Uploader::~Uploader() = default;

UploadResult Uploader::Upload(const std::string& target, int fd, std::uint64_t size,
                              const std::function<void()>& before_last_byte) {
  CURL* curl = connection_->Ready();
  const std::chrono::seconds silence =
      receiver_.silent_time + std::chrono::seconds(size / kSlowestBytesPerSecond);
  Transfer transfer(curl, fd, size, before_last_byte, silence, stop_);

  const Mime mime(curl);
  curl_mimepart* part = curl_mime_addpart(mime.form);
  curl_mime_name(part, "file");
  curl_mime_filename(part, (target + ".xml.enc").c_str());
  curl_mime_type(part, "application/octet-stream");
  transfer.Attach(part);
  // Without it an old receiver, which says no 100, would make each big upload wait for a second.
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields(curl_slist_append(nullptr, "Expect:"),
                                                                  curl_slist_free_all);

  curl_easy_setopt(curl, CURLOPT_URL, (receiver_.url + "/" + PercentEncode(target)).c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime.form);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(silence.count()));
  const CURLcode code = curl_easy_perform(curl);

  long status = 0;
  curl_off_t retry_after = 0;
  const char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  const std::string redirect = location != nullptr ? location : "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, nullptr);

  if (code == CURLE_ABORTED_BY_CALLBACK && !transfer.fault() && stop_.stop_requested())
    return {UploadKind::kStopped, ""};
  if (code != CURLE_OK && NeverConnected(code, curl)) {
    return {UploadKind::kUnreachable, Sentence(code, transfer.error(), receiver_)};
  }
  // (A receiver may refuse and hang up before it has read everything, and before its own words have ended.)
  UploadResult result{UploadKind::kFailed, ""};
  if (code == CURLE_OK || status >= 300) {
    result = JudgeAnswer({.status = static_cast<int>(status),
                          .body = transfer.body(),
                          .retry_after = std::chrono::seconds(retry_after),
                          .location = redirect});
  } else if (transfer.fault()) {
    result.message = receiver_.url + ": " + *transfer.fault() + ".";
  } else {
    result.message = Sentence(code, transfer.error(), receiver_);
  }
  // What a receiver says in its own words is not asked again: the question may take some time, too.
  if (result.kind == UploadKind::kFailed && MayBeTls(code, status, receiver_))
    result.message = receiver_.url + ": The port speaks TLS: set RECEIVER_SCHEME=https.";
  return result;
}

std::optional<std::string> Uploader::Probe() {
  const CurlHandle curl = NewCurlHandle();
  std::array<char, CURL_ERROR_SIZE> error{};
  SetUp(curl.get(), receiver_);
  curl_easy_setopt(curl.get(), CURLOPT_URL, receiver_.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error.data());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return std::nullopt;
  return Sentence(code, error.data(), receiver_);
}

}  // namespace hashpost::sender
