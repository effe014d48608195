#include "dataplane/http/head_writer.h"

#include <charconv>

#include "absl/log/check.h"
#include "dataplane/http/connection_fields.h"

namespace sluice::http {
namespace {

constexpr size_t kFieldOverhead = 4;  // ": " and CRLF
constexpr size_t kNumberBytes = 20;

}  // namespace

HeadWriter::HeadWriter(const HeaderList& list, size_t extra) {
  capacity_ = extra;
  for (const Header& header : list) {
    capacity_ += header.name.size() + header.value.size() + kFieldOverhead;
  }
  begin_ = capacity_ <= kOnStack ? small_ : static_cast<char*>(list.arena().Allocate(capacity_));
  at_ = begin_;
}

void HeadWriter::PutNumber(uint64_t number) {
  at_ = std::to_chars(at_, at_ + kNumberBytes, number).ptr;
}

void HeadWriter::PutFields(const HeaderList& list) {
  for (const Header& header : list) {
    if (!IsFraming(header.known)) PutField(header.name, header.value);
  }
}

void HeadWriter::WriteTo(Transport& transport) {
  const auto size = static_cast<size_t>(at_ - begin_);
  CHECK_LE(size, capacity_);
  transport.Write({reinterpret_cast<const uint8_t*>(begin_), size});
}

void WriteChunk(Transport& transport, Bytes data) {
  char size[20];
  char* end = std::to_chars(size, size + 16, data.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  transport.Write({reinterpret_cast<uint8_t*>(size), static_cast<size_t>(end - size)});
  transport.Write(data);
  constexpr uint8_t kCrlf[] = {'\r', '\n'};
  transport.Write(kCrlf);
}

void WriteLastChunk(Transport& transport, const HeaderList& trailers) {
  [[clang::uninitialized]] HeadWriter out(trailers, 8);
  out.Put("0\r\n");
  out.PutFields(trailers);
  out.Put("\r\n");
  out.WriteTo(transport);
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

}  // namespace sluice::http
