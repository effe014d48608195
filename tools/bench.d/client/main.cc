// bench-client MODE ADDRESS PORT SECONDS-OR-COUNT THREADS: connections, where wrk and h2load only
// do requests. Prints one JSON object.
//   connect   a new TCP connection for each request
//   full      a new TLS connection with a full handshake for each request
//   resume    the same, with the ticket of the thread's last connection
//   idle      COUNT connections that made one request each, held until standard input ends
//   idle-tls  the same with TLS
// Each thread has one connection at a time and blocks; TLS 1.3, X25519, AES-128-GCM.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr char kHost[] = "bench.example.test";
constexpr char kClosing[] =
    "GET / HTTP/1.1\r\nHost: bench.example.test\r\nConnection: close\r\n\r\n";
constexpr char kKeeping[] = "GET / HTTP/1.1\r\nHost: bench.example.test\r\n\r\n";

struct Counts {
  std::atomic<uint64_t> done = 0;
  std::atomic<uint64_t> failed = 0;
  std::atomic<uint64_t> resumed = 0;
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using ContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
using SessionPtr = std::unique_ptr<SSL_SESSION, SslFree>;

// One client connection, plain or TLS. Blocks.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    ssl_.reset();
    if (fd_ >= 0) ::close(fd_);
  }

  bool Connect(const sockaddr_in& address) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  bool Handshake(SSL_CTX* context, SSL_SESSION* session) {
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), kHost);
    if (session != nullptr) SSL_set_session(ssl_.get(), session);
    return SSL_connect(ssl_.get()) == 1;
  }

  bool resumed() const { return ssl_ != nullptr && SSL_session_reused(ssl_.get()) == 1; }

  // Sends a request and reads the answer: to the end of the connection, or `until` has been seen.
  bool Request(std::string_view request, std::string_view until) {
    if (Write(request) != static_cast<int>(request.size())) return false;
    std::string answer;
    char buffer[4096];
    while (until.empty() || answer.find(until) == std::string::npos) {
      const int count = Read(buffer, sizeof buffer);
      if (count < 0) return false;
      if (count == 0) break;
      answer.append(buffer, count);
    }
    return answer.starts_with("HTTP/1.1 200");
  }

 private:
  int Write(std::string_view data) {
    if (ssl_ != nullptr) return SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size()));
    return static_cast<int>(::send(fd_, data.data(), data.size(), MSG_NOSIGNAL));
  }

  int Read(char* buffer, int size) {
    if (ssl_ == nullptr) return static_cast<int>(::recv(fd_, buffer, size, 0));
    const int count = SSL_read(ssl_.get(), buffer, size);
    if (count > 0) return count;
    return SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

  int fd_ = -1;
  SslPtr ssl_;
};

// The newest ticket that arrived on this thread.
thread_local SessionPtr last_session;

ContextPtr MakeContext(bool resume) {
  ContextPtr context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(context.get(), "X25519");
  if (resume) {
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL*, SSL_SESSION* session) {
      last_session.reset(session);
      return 1;
    });
  }
  return context;
}

bool OneConnection(std::string_view mode, const sockaddr_in& address, SSL_CTX* context,
                   Counts& counts) {
  Connection connection;
  if (!connection.Connect(address)) return false;
  if (mode != "connect") {
    if (!connection.Handshake(context, mode == "resume" ? last_session.get() : nullptr))
      return false;
    if (connection.resumed()) counts.resumed.fetch_add(1, std::memory_order_relaxed);
  }
  return connection.Request(kClosing, "");
}

void Loop(std::string_view mode, const sockaddr_in& address,
          std::chrono::steady_clock::time_point end, Counts& counts) {
  const ContextPtr context = MakeContext(mode == "resume");
  while (std::chrono::steady_clock::now() < end) {
    auto& counter =
        OneConnection(mode, address, context.get(), counts) ? counts.done : counts.failed;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  last_session.reset();
}

void RunFor(std::string_view mode, const sockaddr_in& address, double seconds, int threads,
            Counts& counts) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(seconds));
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) running.emplace_back([&] { Loop(mode, address, end, counts); });
}

// Opens connections, says so, and holds them until standard input ends.
void Hold(bool tls, const sockaddr_in& address, int count, Counts& counts) {
  const ContextPtr context = MakeContext(false);
  std::vector<std::unique_ptr<Connection>> held;
  for (int i = 0; i < count; ++i) {
    auto connection = std::make_unique<Connection>();
    const bool ok = connection->Connect(address) &&
                    (!tls || connection->Handshake(context.get(), nullptr)) &&
                    connection->Request(kKeeping, "\r\n\r\n");
    (ok ? counts.done : counts.failed).fetch_add(1, std::memory_order_relaxed);
    if (ok) held.push_back(std::move(connection));
  }
  std::printf("holding %zu\n", held.size());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs(
        "usage: bench-client connect|full|resume|idle|idle-tls ADDRESS PORT SECONDS-OR-COUNT "
        "THREADS\n",
        stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view mode = argv[1];
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[3])));
  if (::inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) return 2;
  Counts counts;
  if (mode.starts_with("idle")) {
    Hold(mode == "idle-tls", address, std::atoi(argv[4]), counts);
  } else {
    RunFor(mode, address, std::atof(argv[4]), std::atoi(argv[5]), counts);
  }
  std::printf("{\"requests\": %llu, \"failed\": %llu, \"resumed\": %llu}\n",
              static_cast<unsigned long long>(counts.done),
              static_cast<unsigned long long>(counts.failed),
              static_cast<unsigned long long>(counts.resumed));
  return counts.failed == 0 ? 0 : 1;
}
