package main

import (
	"log"

	"github.com/miekg/dns"
)

// serveDNS answers every query on UDP port 53 with an empty NOERROR: the suite only wants an answer.
func serveDNS() error {
	return dns.ListenAndServe(":53", "udp", dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(query)
		if err := w.WriteMsg(answer); err != nil {
			log.Printf("answer to %s: %v", w.RemoteAddr(), err)
		}
	}))
}
