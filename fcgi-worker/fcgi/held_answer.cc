#include "fcgi-worker/fcgi/held_answer.h"

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include "lib/io/file_source.h"

namespace hashpost::fcgi {
namespace {

constexpr std::size_t kInMemory = 64U << 10U;

}  // namespace

void HeldAnswer::Write(std::string_view bytes) {
  memory_.append(bytes);
  if (memory_.size() <= kInMemory) return;
  if (!file_) {
    folder_fd_ = io::UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_fd_) throw std::system_error(errno, std::system_category(), folder_ + " cannot be opened");
    file_.emplace(folder_fd_.get());
  }
  file_->Write(memory_);
  memory_.clear();
}

void HeldAnswer::WriteTo(io::ByteSink& out) const {
  if (file_) {
    io::FileSource file(file_->fd());
    std::vector<char> buffer(kInMemory);
    while (const std::size_t got = file.Read(buffer)) out.Write({buffer.data(), got});
  }
  out.Write(memory_);
}

}  // namespace hashpost::fcgi
