package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const maxLines = 100_000

type logLine struct {
	at   time.Time
	text []byte
}

// logBuffer keeps a container's last lines, each with the time at which it was complete.
type logBuffer struct {
	mu    sync.Mutex
	copy  io.Writer // everything goes there too, if it is set
	part  []byte
	lines []logLine
}

func (b *logBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.copy != nil {
		_, _ = b.copy.Write(text) // for people only: its loss must not end the container
	}
	now := time.Now()
	b.part = append(b.part, text...)
	for {
		end := bytes.IndexByte(b.part, '\n')
		if end < 0 {
			break
		}
		b.lines = append(b.lines, logLine{now, bytes.Clone(b.part[:end+1])})
		b.part = b.part[end+1:]
	}
	if len(b.lines) > maxLines {
		b.lines = append([]logLine(nil), b.lines[maxLines/2:]...)
	}
	return len(text), nil
}

// selection is what a reader asks for.
type selection struct {
	since      time.Time
	tail       int // the last so many lines; -1: all
	timestamps bool
}

func (b *logBuffer) selected(s selection) []logLine {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := len(b.lines)
	for first > 0 && !b.lines[first-1].at.Before(s.since) && (s.tail < 0 || len(b.lines)-first < s.tail) {
		first--
	}
	return append([]logLine(nil), b.lines[first:]...)
}

func (b *logBuffer) tail(n int) string {
	var text []byte
	for _, line := range b.selected(selection{tail: n}) {
		text = append(text, line.text...)
	}
	return string(bytes.TrimSpace(append(text, b.part...)))
}

func parseSelection(query url.Values) (selection, error) {
	s := selection{tail: -1, timestamps: query.Get("timestamps") == "true"}
	var err error
	if text := query.Get("tailLines"); text != "" {
		if s.tail, err = strconv.Atoi(text); err != nil {
			return s, err
		}
	}
	if text := query.Get("sinceSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			return s, err
		}
		s.since = time.Now().Add(-time.Duration(seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		s.since, err = time.Parse(time.RFC3339, text)
	}
	return s, err
}

// serveLogs answers GET /containerLogs/NAMESPACE/POD/CONTAINER on the node's address: the only thing
// that the API server asks of a kubelet here. It does not follow a log.
func (m *machine) serveLogs(ctx context.Context, k *kubelet) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.writeLog)
	certificate, err := selfSigned(m.Address)
	if err != nil {
		return err
	}
	var listener net.Listener
	if err := m.do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(m.Address, strconv.Itoa(kubeletPort)))
		return err
	}); err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	return nil
}

func (k *kubelet) writeLog(w http.ResponseWriter, r *http.Request) {
	wanted, err := parseSelection(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := k.find(func(p *pod) bool {
		return p.object.Namespace == r.PathValue("namespace") && p.object.Name == r.PathValue("pod")
	})
	var buffer *logBuffer
	if p != nil {
		if c := p.container(r.PathValue("container")); c != nil {
			buffer = c.logs(r.URL.Query().Get("previous") == "true")
		}
	}
	if buffer == nil {
		http.Error(w, "no such container", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	for _, line := range buffer.selected(wanted) {
		if wanted.timestamps {
			fmt.Fprintf(w, "%s ", line.at.UTC().Format(time.RFC3339Nano))
		}
		_, _ = w.Write(line.text)
	}
}

// selfSigned makes a certificate that nobody checks: the API server has no CA for kubelets here.
func selfSigned(address string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
