#include "dataplane/http/h2_body.h"

#include <algorithm>

#include "dataplane/http/h2_field_block.h"

namespace sluice::http {

void H2Body::Open(int32_t id) {
  id_ = id;
  if (wanted_) Resume();
}

bool H2Body::Offer(Bytes data) {
  if (data.size() <= kSmallBytes || !queue_.empty() || id_ == 0 || !session_.may_write()) {
    return false;
  }
  direct_ = data;
  Resume();
  return true;
}

void H2Body::Queue(Bytes data) {
  queue_.Append(data);
  Resume();
}

void H2Body::End(const HeaderList& trailers) {
  ended_ = true;
  for (const Header& header : trailers) {
    if (!IsFraming(header.known)) trailers_.emplace_back(header.name, header.value);
  }
  Resume();
}

// Tells libnghttp2 that there is something to send.
void H2Body::Resume() {
  if (id_ == 0) {
    wanted_ = true;
  } else if (!std::exchange(submitted_, true)) {
    nghttp2_data_provider2 provider = {.source = {.ptr = this}, .read_callback = OnRead};
    nghttp2_submit_data2(session_.get(), NGHTTP2_FLAG_END_STREAM, id_, &provider);
  } else if (std::exchange(waits_, false)) {
    nghttp2_session_resume_data(session_.get(), id_);
  }
}

nghttp2_ssize H2Body::OnRead(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                             nghttp2_data_source* source, void*) {
  return static_cast<H2Body*>(source->ptr)->Read(length, *flags);
}

int H2Body::OnSend(nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t length,
                   nghttp2_data_source* source, void*) {
  return static_cast<H2Body*>(source->ptr)->Write({header, 9}, length);
}

nghttp2_ssize H2Body::Read(size_t length, uint32_t& flags) {
  const size_t available = queue_.size() + direct_.size();
  if (available == 0 && !ended_) {
    waits_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t size = std::min(length, available);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (ended_ && size == available) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!trailers_.empty()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      SubmitTrailers();
    }
  }
  return static_cast<nghttp2_ssize>(size);
}

void H2Body::SubmitTrailers() {
  core::ArenaPool pool(0);
  core::Arena arena(pool);
  HeaderList list(arena);
  for (const auto& [name, value] : trailers_) list.Add(name, value);
  FieldBlock block(arena, list, NGHTTP2_NV_FLAG_NONE);
  block.AddAll(list);
  nghttp2_submit_trailer(session_.get(), id_, block.data(), block.size());
}

int H2Body::Write(Bytes frame_header, size_t length) {
  if (session_.is_full() && !session_.pinned()) return NGHTTP2_ERR_WOULDBLOCK;
  Transport& transport = session_.transport();
  transport.Write(frame_header);
  written_ += length;
  while (length > 0 && !queue_.empty()) {
    Bytes front = queue_.Front();
    front = front.first(std::min(front.size(), length));
    transport.Write(front);
    queue_.Consume(front.size());
    length -= front.size();
  }
  if (length > 0) {
    transport.Write(direct_.first(length));
    direct_ = direct_.subspan(length);
  }
  return 0;
}

}  // namespace sluice::http
