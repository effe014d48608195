// What a stranger can send to the TLS port: the bytes reach a session in pieces whose sizes the
// input chooses, and the helpers that read a ClientHello on their own. Any outcome is fine but a
// crash, a leak, an answer that grows, or a listener for a name that is not its own.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "../unit/certs/make_certificate.h"
#include "absl/log/check.h"
#include "dataplane/core/buffer_pool.h"
#include "dataplane/core/byte_queue.h"
#include "dataplane/snapshot/syntax.h"
#include "dataplane/tls/client_hello.h"
#include "dataplane/tls/tls_contexts.h"
#include "dataplane/tls/tls_session.h"

namespace {

using sluice::core::Bytes;
using sluice::tls::TlsContexts;
using sluice::tls::TlsSession;

std::shared_ptr<const TlsContexts> MakeContexts() {
  const sluice::testing::PemPair pair = sluice::testing::MakePair({.names = {"*.example.com"}});
  auto certificate = sluice::certs::Certificate::Parse({"ns/fuzz", pair.chain, pair.key});
  CHECK_OK(certificate);
  sluice::snapshot::Snapshot snapshot;
  for (const auto& [id, hostname] : {std::pair{"a", "a.example.com"}, {"b", "*.example.com"}}) {
    sluice::snapshot::Listener& listener = *snapshot.add_listeners();
    listener.set_id(id);
    listener.set_hostname(hostname);
    listener.add_addresses("192.0.2.1");
    listener.set_port(443);
    listener.set_protocol(sluice::snapshot::Listener::PROTOCOL_HTTPS);
    listener.add_certificate_ids(certificate->info().id);
  }
  static const auto* const kTickets = new sluice::tls::TicketKeys(std::array<uint8_t, 32>{});
  auto contexts = TlsContexts::Build(
      snapshot,
      sluice::certs::CertSet(
          {std::make_shared<const sluice::certs::Certificate>(*std::move(certificate))}),
      nullptr, *kTickets);
  CHECK_OK(contexts);
  return *std::move(contexts);
}

void ReadParts(Bytes input) {
  const auto name = sluice::tls::ServerName::FromExtension(input);
  CHECK(name.text().empty() || sluice::snapshot::IsHostname(name.text()));
  auto order = sluice::tls::OrderGroups(input);
  std::ranges::sort(order);
  CHECK(std::ranges::adjacent_find(order) == order.end());
}

void Converse(Bytes input) {
  static const std::shared_ptr<const TlsContexts> contexts = MakeContexts();
  sluice::core::BufferPool pool;
  sluice::core::ByteQueue out(pool);
  TlsSession session(contexts,
                     *contexts->FindGroup(*sluice::core::Address::Parse("192.0.2.1", 443)), out);
  std::array<uint8_t, 4096> buffer;
  while (!input.empty() && !session.fault()) {
    const size_t n = std::min<size_t>(input.size(), size_t{1} << (input[0] % 15));
    session.Feed(input.first(n));
    input = input.subspan(n);
    while (session.Read(buffer).state == TlsSession::State::kMore) {
    }
  }
  CHECK_LE(out.size(), 16u * 1024);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadParts({data, size});
  Converse({data, size});
  return 0;
}
