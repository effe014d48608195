// faults stands between Sluice and the API server and breaks what passes, as it is told:
//
//	POST http://CONTROL/KIND   from now on; KIND is none, slow, cut, malformed, gone or refused
//	GET  http://CONTROL/       how often each kind has struck
//
// It serves with the API server's own certificate, so that its clients see no difference.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	none      = "none"
	slow      = "slow"      // each piece of a response comes late
	cut       = "cut"       // a watch ends in the middle of an object
	malformed = "malformed" // a watch carries an event that is no JSON
	gone      = "gone"      // a watch is told that its version is too old
	refused   = "refused"   // every other request gets 429, 500 or 503
)

// state is what is broken now, and what has been; one for the process.
type state struct {
	mu     sync.Mutex
	kind   string
	struck map[string]int
	open   []io.Closer // watches that began before the last change
}

func (s *state) now() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kind
}

func (s *state) count(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.struck[kind]++
}

// ServeHTTP is the control side. A new kind ends the watches that are open: their successors get it.
func (s *state) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost {
		s.kind = strings.TrimPrefix(r.URL.Path, "/")
		for _, body := range s.open {
			body.Close()
		}
		s.open = nil
	}
	_ = json.NewEncoder(w).Encode(s.struck)
}

// refuse answers in the API server's place, or says that it did not.
func (s *state) refuse(w http.ResponseWriter, r *http.Request) bool {
	watch := r.URL.Query().Get("watch") != ""
	switch kind := s.now(); {
	case kind == refused && rand.IntN(2) == 0:
		s.count(refused)
		status := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}[rand.IntN(3)]
		w.Header().Set("Retry-After", "1")
		http.Error(w, "broken on purpose", status)
		return true
	case kind == gone && watch:
		s.count(gone)
		w.Header().Set("Content-Type", "application/json")
		if rand.IntN(2) == 0 { // as a status, or as an event
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, goneStatus)
		} else {
			_, _ = io.WriteString(w, `{"type":"ERROR","object":`+goneStatus+"}\n")
		}
		return true
	}
	return false
}

const goneStatus = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","message":"too old resource version","code":410}`

// breakBody puts something between a response and its reader.
func (s *state) breakBody(r *http.Response) error {
	watch := r.Request.URL.Query().Get("watch") != ""
	kind := s.now()
	body := &brokenBody{ReadCloser: r.Body, state: s, kind: kind, after: 200 + rand.IntN(3000)}
	if watch {
		s.mu.Lock()
		s.open = append(s.open, r.Body)
		s.mu.Unlock()
	}
	if kind == slow || watch && (kind == cut || kind == malformed) {
		r.Header.Del("Content-Length")
		r.ContentLength = -1
		r.Body = body
	}
	return nil
}

type brokenBody struct {
	io.ReadCloser
	state *state
	kind  string
	after int // bytes that pass before it strikes
	extra bytes.Buffer
}

func (b *brokenBody) Read(buffer []byte) (int, error) {
	if b.extra.Len() > 0 {
		return b.extra.Read(buffer)
	}
	n, err := b.ReadCloser.Read(buffer)
	if b.kind == slow {
		b.state.count(slow)
		time.Sleep(time.Duration(50+rand.IntN(200)) * time.Millisecond)
		return n, err
	}
	if b.after -= n; b.after > 0 || n == 0 {
		return n, err
	}
	b.state.count(b.kind)
	if b.kind == cut {
		return n / 2, io.ErrUnexpectedEOF
	}
	b.after = 3000
	if end := bytes.LastIndexByte(buffer[:n], '\n'); end >= 0 { // between two events
		b.extra.WriteString("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Gate\x01\n")
		b.extra.Write(buffer[end+1 : n])
		return end + 1, err
	}
	return n, err
}

func main() {
	listen := flag.String("listen", "", "ADDRESS:PORT to serve on")
	control := flag.String("control", "", "ADDRESS:PORT of the control side")
	target := flag.String("target", "", "URL of the API server")
	certificate := flag.String("certificate", "", "its certificate, also the authority")
	key := flag.String("key", "", "and the key")
	flag.Parse()
	pem, err := os.ReadFile(*certificate)
	if err != nil {
		log.Fatal(err)
	}
	to, err := url.Parse(*target)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s := &state{kind: none, struck: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		ModifyResponse: s.breakBody, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { log.Fatal(http.ListenAndServe(*control, s)) }()
	log.Fatal(http.ListenAndServeTLS(*listen, *certificate, *key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.refuse(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})))
}
