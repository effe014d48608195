// node plays the nodes of a cluster: scheduler and kubelet in one process, for several lab nodes,
// without container images. A pod's program is a local process in namespaces of its own, confined as
// its security context says (../container). The real kube-controller-manager makes pods and
// EndpointSlices.
//
//	config.go      what it is told: lab nodes, images
//	kubelet.go     watches pods, secrets and config maps
//	scheduler.go   which node a pod goes to
//	machine.go     one lab node: its namespaces, its Node object
//	network.go     a pod's network namespace
//	pod.go         one pod's life
//	container.go   one container's life: start, restart, stop
//	backoff.go     how long a container that ended waits
//	process.go     the process of a container, as the container program is told it
//	security.go    user, capabilities and filter of a security context
//	probe.go       startup, readiness and liveness
//	volumes.go     a pod's volumes; content.go: what lies in them; atomic.go: how it changes
//	environment.go variables and arguments
//	status.go      what is reported
//	logs.go        what a container printed, and who reads it
//	dns.go         `node dns`, which stands for CoreDNS
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if len(os.Args) > 1 && os.Args[1] == "dns" {
		log.Fatal(serveDNS())
	}
	path := flag.String("config", "", "file that describes the lab nodes (JSON; config.go)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *path); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	config, err := readConfig(path)
	if err != nil {
		return err
	}
	k, err := newKubelet(config)
	if err != nil {
		return err
	}
	return k.run(ctx)
}
