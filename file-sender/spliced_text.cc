#include "file-sender/spliced_text.h"

#include <algorithm>

namespace hashpost::sender {

std::size_t SplicedText::Read(std::span<char> buffer) {
  for (;;) {
    if (now_.next == now_.end) {  // an insertion has ended; the whole text never gets here
      now_ = outer_.back();
      outer_.pop_back();
      GoTo(now_.next);
    } else if (next_splice_ < splices_.size() && splices_[next_splice_].at == now_.next) {
      const Splice& splice = splices_[next_splice_];
      if (splice.insert_begin == splice.insert_end) {
        GoTo(splice.resume);
      } else {
        outer_.push_back({splice.resume, now_.end});
        now_.end = splice.insert_end;
        GoTo(splice.insert_begin);
      }
    } else {
      const std::uint64_t end =
          next_splice_ < splices_.size() ? std::min(now_.end, splices_[next_splice_].at) : now_.end;
      const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), end - now_.next);
      const std::size_t size = text_.ReadAt(now_.next, buffer.first(wanted));
      now_.next += size;
      return size;
    }
  }
}

void SplicedText::GoTo(std::uint64_t position) {
  now_.next = position;
  next_splice_ = static_cast<std::size_t>(std::ranges::lower_bound(splices_, position, {}, &Splice::at) -
                                          splices_.begin());
}

}  // namespace hashpost::sender
