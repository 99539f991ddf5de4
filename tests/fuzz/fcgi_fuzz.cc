// Sends arbitrary bytes over a socket to a FastCGI connection of a worker, through libfcgi. What the preview
// of a head says must hold: it never changes its mind when more comes, and what it calls whole or ended is
// read without asking the peer for more. First byte even: records as they are; odd: parameters, a line
// "NAME=value" each, an empty line and the body, in records of the size that the second byte says; then the
// request must be what was sent. Corpus: corpus/fcgi_fuzz.

#include <fastcgi.h>
#include <fcgiapp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fcgi-worker/fcgi/connection.h"
#include "fcgi-worker/fcgi/request_preview.h"
#include "fcgi-worker/http/problem.h"
#include "tests/fuzz/require.h"
#include "tests/unit/fcgi-worker/fcgi/fcgi_client.h"

namespace {

using namespace hashpost;
using fcgi::Head;

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::string InRecords(fcgi::RecordType type, std::string_view content, std::size_t piece) {
  std::string records;
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    records += fcgi::Record(type, content.substr(0, piece));
  }
  return records + fcgi::Record(type, "");
}

struct Wanted {
  std::string bytes;
  std::string method;
  std::string script_name;
  std::string path_info;
  std::optional<std::string> accept;
  std::string_view body;
};

void AppendLength(std::string& content, std::size_t length) {
  if (length < 0x80) {
    content.push_back(static_cast<char>(length));
  } else {
    content.push_back(static_cast<char>(0x80U | length >> 24U));
    for (unsigned shift = 24; shift > 0; shift -= 8)
      content.push_back(static_cast<char>(length >> (shift - 8)));
  }
}

Wanted MakeRequest(std::string_view text, std::size_t piece) {
  Wanted wanted;
  std::string content;
  std::map<std::string, std::string, std::less<>> params;
  for (std::string_view line = TakeUntil(text, '\n'); !line.empty(); line = TakeUntil(text, '\n')) {
    const std::string_view name = TakeUntil(line, '=');
    // (A name that comes twice, or a NUL, is not what this is about.)
    if (params.contains(name) || (std::string(name) + std::string(line)).find('\0') != std::string::npos)
      continue;
    params.emplace(name, line);
    AppendLength(content, name.size());
    AppendLength(content, line.size());
    content.append(name).append(line);
  }
  const auto value = [&](const char* name) { return params.contains(name) ? params[name] : ""; };
  wanted.method = value("REQUEST_METHOD");
  wanted.script_name = value("SCRIPT_NAME");
  wanted.path_info = value("PATH_INFO");
  if (params.contains("HTTP_ACCEPT")) wanted.accept = params["HTTP_ACCEPT"];
  wanted.body = text;
  wanted.bytes = fcgi::BeginRecord(true) + InRecords(fcgi::kParams, content, piece) +
                 InRecords(fcgi::kStdin, text, piece);
  return wanted;
}

// Whether there is a management record (FastCGI 1.0 §4): libfcgi 2.4.2 loses 48 bytes for each of an unknown
// type. No web server sends any, and the preview refuses them before the content.
bool HasManagementRecord(std::string_view bytes) {
  const auto number = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(bytes[at])}; };
  while (bytes.size() >= FCGI_HEADER_LEN) {
    if (number(2) == 0 && number(3) == 0) return true;
    bytes.remove_prefix(std::min(bytes.size(), FCGI_HEADER_LEN + number(4) * 256 + number(5) + number(6)));
  }
  return false;
}

fcgi::Preview CheckPreview(std::string_view bytes, std::size_t cut) {
  const fcgi::Preview whole = fcgi::PreviewRequest(bytes);
  const fcgi::Preview begun = fcgi::PreviewRequest(bytes.substr(0, cut));
  Require(whole.head != Head::kGone && begun.head != Head::kGone);
  Require(begun.head == Head::kPartial || begun.head == whole.head);
  Require(!begun.content_ended || whole.content_ended);
  Require(!whole.content_ended || whole.head == Head::kWhole);
  return whole;
}

// Reads all content; false: it breaks off, or is not as long as was said.
bool ReadBody(const http::Request& request, std::string& body) {
  std::array<char, 4096> buffer{};
  try {
    while (const std::size_t got = request.body->Read(buffer)) body.append(buffer.data(), got);
    return true;
  } catch (const http::BodyIncomplete&) {
    return false;
  }
}

void CheckRequest(const http::Request& request, const Wanted& wanted) {
  Require(request.method == wanted.method);
  Require(request.path == wanted.script_name + wanted.path_info);
  Require(request.Header("ACCEPT") == wanted.accept);
  std::string body;
  if (ReadBody(request, body)) {
    Require(body == wanted.body);
  } else {
    Require(request.content_length && *request.content_length != wanted.body.size());
  }
}

void Serve(std::string_view bytes, const fcgi::Preview& preview, const Wanted* wanted) {
  std::array<int, 2> ends{};
  Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const io::UniqueFd peer(ends[0]);
  fcgi::Connection connection{io::UniqueFd(ends[1])};
  Require(fcgi::Send(peer, bytes));
  Require(connection.PreviewRequest().head == preview.head);
  if (preview.head != Head::kWhole) return;
  // Whoever would wait for more sees the end of the connection instead.
  ::shutdown(peer.get(), SHUT_WR);
  Require(connection.ReadRequest(preview.content_ended));
  const http::Request& request = connection.inbound().request();
  if (wanted != nullptr) {
    connection.StreamContent();
    CheckRequest(request, *wanted);
  } else if (bytes.size() % 2 != 0) {
    connection.StreamContent();
    std::string body;
    if (ReadBody(request, body)) Require(!request.content_length || *request.content_length == body.size());
  }
  http::Response response;
  response.content = "answer";
  connection.WriteAnswer(response);
  const bool kept = connection.FinishRequest();
  // (A padding that is missing after the last record is nobody's content.)
  Require(kept || !preview.content_ended || !preview.peer_keeps);
  Require(!kept || preview.peer_keeps);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int initialized = FCGX_Init();
  Require(initialized == 0);
  if (size < 3) return 0;
  const std::string_view text = Text(data, size).substr(3);
  const std::size_t cut = data[2];
  if (data[0] % 2 == 0) {
    const fcgi::Preview preview = CheckPreview(text, cut);
    if (!HasManagementRecord(text)) Serve(text, preview, nullptr);
    return 0;
  }
  const Wanted wanted = MakeRequest(text, 1 + data[1]);
  const fcgi::Preview preview = CheckPreview(wanted.bytes, cut);
  Require(preview.head == Head::kWhole && preview.content_ended);
  Serve(wanted.bytes, preview, &wanted);
  return 0;
}
