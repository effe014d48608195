#include "dataplane/http/h1_parser.h"

#include <string_view>

#include "absl/log/check.h"

namespace sluice::http {
namespace {

const llhttp_settings_t kNoCallbacks = {};

llhttp_t Make(llhttp_type_t type, std::string_view prefix) {
  llhttp_t parser;
  llhttp_init(&parser, type, &kNoCallbacks);
  CHECK_EQ(llhttp_execute(&parser, prefix.data(), prefix.size()), HPE_OK);
  return parser;
}

}  // namespace

const llhttp_t& RequestFieldParser(Version version) {
  static const llhttp_t http10 = Make(HTTP_REQUEST, "POST / HTTP/1.0\r\n");
  static const llhttp_t http11 = Make(HTTP_REQUEST, "POST / HTTP/1.1\r\n");
  return version == Version::kHttp10 ? http10 : http11;
}

const llhttp_t& ResponseParser() {
  static const llhttp_t parser = Make(HTTP_RESPONSE, {});
  return parser;
}

}  // namespace sluice::http
