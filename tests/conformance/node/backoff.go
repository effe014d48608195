package main

import "time"

const maxBackOff = 5 * time.Minute

// backOff is a kubelet's CrashLoopBackOff: the first restart is at once, then the wait doubles up to
// five minutes; ten minutes without an end make it forget.
type backOff struct {
	first, next time.Duration
}

func newBackOff(first time.Duration) *backOff { return &backOff{first: first} }

// after is how long a container waits that ran this long.
func (b *backOff) after(ran time.Duration) time.Duration {
	if ran >= 2*maxBackOff {
		b.next = 0
	}
	delay := b.next
	b.next = max(b.first, min(2*b.next, maxBackOff))
	return delay
}
