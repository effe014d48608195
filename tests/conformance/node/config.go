package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"time"
)

// Config is the file that --config names.
type Config struct {
	Kubeconfig string
	State      string // folder for roots and volumes, the same path on all lab nodes
	Logs       string // folder for what containers print, beside the buffers that readers of logs get
	Container  string // the container program
	APIServer  string // ADDRESS:PORT as pods are told
	PodBridge  string // bridge in this program's network namespace
	PodGateway string // its address and prefix; pods get the next addresses
	Nodes      []NodeConfig
	Images     []Image

	BackOffSeconds      float64 // of the first restart but one; 0: 10, as a kubelet
	TokenRefreshSeconds float64 // 0: at 80 % of a token's life, as a kubelet
}

// NodeConfig is one lab node.
type NodeConfig struct {
	Name     string
	Address  string
	NetNS    string // file of its network namespace
	MountNS  string // and of its mount namespace
	Labels   map[string]string
	Reserved bool // only pods that ask for it by name (a DaemonSet's) run there
}

// Image says what stands for the images whose reference matches.
type Image struct {
	Name       string // regular expression
	Root       string // folder with the files
	Entrypoint []string
	User       string // UID[:GID]; empty: 0

	pattern *regexp.Regexp
}

func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range c.Images {
		if c.Images[i].pattern, err = regexp.Compile(c.Images[i].Name); err != nil {
			return nil, fmt.Errorf("%s: image %s: %w", path, c.Images[i].Name, err)
		}
	}
	if len(c.Nodes) == 0 {
		return nil, fmt.Errorf("%s: no nodes", path)
	}
	return c, nil
}

func (c *Config) image(reference string) *Image {
	for i := range c.Images {
		if c.Images[i].pattern.MatchString(reference) {
			return &c.Images[i]
		}
	}
	return nil
}

func (c *Config) firstBackOff() time.Duration {
	if c.BackOffSeconds == 0 {
		return 10 * time.Second
	}
	return time.Duration(c.BackOffSeconds * float64(time.Second))
}
