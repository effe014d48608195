"""The proxies that are compared: how each is configured and started, all to do the same.

One worker; HTTP/1.1 in the clear on 8080, TLS with ALPN h2 and http/1.1 on 8443; TLS 1.3, X25519,
AES-128-GCM, tickets; keep-alive to one backend on 127.0.0.1:9000; no access log.
"""
import pathlib
import signal
import subprocess
import time

PLAIN, TLS, BACKEND = 8080, 8443, 9000
PROXY_CPU = "0"

NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; proxy_max_temp_file_size 0;
  proxy_buffer_size 16k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_session_tickets on; http2_max_requests 1000000000;
  upstream backend {{ server 127.0.0.1:9000; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 8080 backlog=4096; listen 8443 ssl http2 backlog=4096;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 12000
  no strict-limits
  tune.ssl.cachesize 0
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-curves X25519
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  http-reuse always
frontend f
  bind :8080 backlog 4096
  bind :8443 ssl crt {combined} alpn h2,http/1.1 backlog 4096
  default_backend b
backend b
  server s 127.0.0.1:9000 pool-max-conn -1
"""

ENVOY_LISTENER = """
  - name: l{port}
    address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          codec_type: AUTO
          generate_request_id: false
          route_config: {{virtual_hosts: [{{name: v, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: b, timeout: 0s}}}}]}}]}}
          http_filters: [{{name: envoy.filters.http.router, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, dynamic_stats: false}}}}]
"""
ENVOY_TLS = """
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: ["h2", "http/1.1"]
            tls_params: {{tls_minimum_protocol_version: TLSv1_3, ecdh_curves: ["X25519"]}}
            tls_certificates: [{{certificate_chain: {{filename: {certificate}}}, private_key: {{filename: {key}}}}}]
"""
ENVOY = """
static_resources:
  listeners:
{listeners}
  clusters:
  - name: b
    type: STATIC
    circuit_breakers: {{thresholds: [{{max_connections: 20000, max_pending_requests: 20000, max_requests: 20000}}]}}
    load_assignment: {{cluster_name: b, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9000}}}}}}}}]}}]}}
"""

SNAPSHOT = """
vips {{ address: "127.0.0.1" ports {{ port: 8080 }} ports {{ port: 8443 }} }}
listeners {{ id: "bench/gateway/plain" addresses: "127.0.0.1" port: 8080 protocol: PROTOCOL_HTTP }}
listeners {{ id: "bench/gateway/tls" addresses: "127.0.0.1" port: 8443 protocol: PROTOCOL_HTTPS certificate_ids: "{certificate_id}" }}
hosts {{ listener_id: "bench/gateway/plain" matches {{ path: "/" rule_id: "HTTPRoute/bench/all/0" }} }}
hosts {{ listener_id: "bench/gateway/tls" matches {{ path: "/" rule_id: "HTTPRoute/bench/all/0" }} }}
rules {{ id: "HTTPRoute/bench/all/0" route: "bench/all" backends {{ weight: 1 cluster_id: "bench/backend:9000" }} }}
clusters {{ id: "bench/backend:9000" }}
endpoints {{ cluster_id: "bench/backend:9000" endpoints {{ address: "127.0.0.1" port: 9000 }} }}
settings {{ access_log: ACCESS_LOG_OFF }}
"""


class Proxy:
    """One proxy program. Subclasses say which command runs it and how it is configured."""
    name = ""

    def __init__(self, namespace, folder, programs, certificate, key):
        self.namespace = namespace
        self.folder = pathlib.Path(folder) / self.name
        self.folder.mkdir(parents=True)
        self.programs = programs
        self.certificate, self.key = certificate, key
        self.process = None

    def available(self):
        """None, or why it cannot take part."""
        program = self.program()
        return None if program and pathlib.Path(program).exists() else "not installed"

    def program(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def start(self):
        log = (self.folder / "log").open("ab")
        self.process = self.namespace.popen("taskset", "-c", PROXY_CPU, *self.command(), stdout=log, stderr=subprocess.STDOUT,
                                            cwd=self.folder)
        log.close()

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        time.sleep(0.1)  # its ports: the kernel frees them a moment later

    def say(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class Nginx(Proxy):
    name = "nginx"

    def program(self):
        return self.programs.peer("nginx/usr/sbin/nginx")

    def command(self):
        conf = self.say("conf", NGINX.format(folder=self.folder, certificate=self.certificate, key=self.key))
        return [self.program(), "-p", self.folder, "-c", conf, "-e", self.folder / "error.log"]


class Haproxy(Proxy):
    name = "haproxy"

    def program(self):
        return self.programs.peer("haproxy/usr/sbin/haproxy")

    def command(self):
        combined = self.say("combined.pem", self.certificate.read_text() + self.key.read_text())
        return [self.program(), "-db", "-f", self.say("conf", HAPROXY.format(combined=combined))]


class Envoy(Proxy):
    name = "envoy"

    def program(self):
        return self.programs.peer("envoy/lib/python3*/site-packages/envoy/_bin/envoy")

    def command(self):
        tls = ENVOY_TLS.format(certificate=self.certificate, key=self.key)
        listeners = ENVOY_LISTENER.format(port=PLAIN) + ENVOY_LISTENER.format(port=TLS) + tls
        conf = self.say("conf.yaml", ENVOY.format(listeners=listeners))
        return [self.program(), "-c", conf, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]


class Sluice(Proxy):
    name = "sluice"

    def program(self):
        return self.programs.own("sluice-proxy")

    def command(self):
        certificates = self.folder / "certs"
        certificates.mkdir(exist_ok=True)
        (certificates / "bench.crt").write_text(self.certificate.read_text())
        (certificates / "bench.key").write_text(self.key.read_text())
        snapshot = self.say("snapshot.txtpb", SNAPSHOT.format(certificate_id="bench"))
        return [self.program(), "--snapshot", snapshot, "--certs", certificates, "--workers", "1", "--metrics", "off",
                "--listen", f"bench/gateway/plain=0.0.0.0:{PLAIN}", "--listen", f"bench/gateway/tls=0.0.0.0:{TLS}"]


ALL = (Sluice, Nginx, Haproxy, Envoy)
