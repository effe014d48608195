package main

import (
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// environment is the container's variables: first those that a kubelet adds, then its own.
func (c *container) environment() ([]string, error) {
	p := c.pod
	host, port, err := net.SplitHostPort(p.kubelet.config.APIServer)
	if err != nil {
		return nil, err
	}
	// Clients in pods find the API server at its own address, not at the ClusterIP that a kubelet
	// would give: so no kube-proxy is needed.
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/", "HOSTNAME=" + p.object.Name,
		"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port, "KUBERNETES_SERVICE_PORT_HTTPS=" + port,
	}
	for _, from := range c.spec.EnvFrom {
		more, err := p.allOf(&from)
		if err != nil {
			return nil, err
		}
		env = append(env, more...)
	}
	for _, e := range c.spec.Env {
		value, found := expand(e.Value, env), true
		if e.ValueFrom != nil {
			if value, found, err = c.valueFrom(e.ValueFrom); err != nil {
				return nil, fmt.Errorf("variable %s: %w", e.Name, err)
			}
		}
		if found {
			env = append(slices.DeleteFunc(env, func(s string) bool { return strings.HasPrefix(s, e.Name+"=") }), e.Name+"="+value)
		}
	}
	return env, nil
}

func (p *pod) allOf(from *corev1.EnvFromSource) ([]string, error) {
	var data map[string][]byte
	var err error
	var optional *bool
	switch {
	case from.SecretRef != nil:
		optional = from.SecretRef.Optional
		data, err = p.secret(from.SecretRef.Name)
	case from.ConfigMapRef != nil:
		optional = from.ConfigMapRef.Optional
		data, err = p.configMap(from.ConfigMapRef.Name)
	}
	if err != nil && !isTrue(optional) {
		return nil, err
	}
	var env []string
	for key, value := range data {
		env = append(env, from.Prefix+key+"="+string(value))
	}
	sort.Strings(env)
	return env, nil
}

func (c *container) valueFrom(from *corev1.EnvVarSource) (value string, found bool, err error) {
	var data map[string][]byte
	var key string
	var optional *bool
	switch {
	case from.FieldRef != nil:
		value, err = c.pod.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		value, err = c.resource(from.ResourceFieldRef)
		return value, true, err
	case from.SecretKeyRef != nil:
		key, optional = from.SecretKeyRef.Key, from.SecretKeyRef.Optional
		data, err = c.pod.secret(from.SecretKeyRef.Name)
	case from.ConfigMapKeyRef != nil:
		key, optional = from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional
		data, err = c.pod.configMap(from.ConfigMapKeyRef.Name)
	}
	if text, ok := data[key]; ok {
		return string(text), true, nil
	}
	if isTrue(optional) {
		return "", false, nil
	}
	if err == nil {
		err = fmt.Errorf("no key %q", key)
	}
	return "", false, err
}

// field resolves a path of the downward API.
func (p *pod) field(path string) (string, error) {
	o := p.object
	if name, key, ok := strings.Cut(strings.TrimSuffix(path, "']"), "['"); ok {
		return map[string]map[string]string{"metadata.labels": o.Labels, "metadata.annotations": o.Annotations}[name][key], nil
	}
	value, ok := map[string]string{
		"metadata.name": o.Name, "metadata.namespace": o.Namespace, "metadata.uid": string(o.UID),
		"metadata.labels": pairs(o.Labels), "metadata.annotations": pairs(o.Annotations),
		"spec.nodeName": o.Spec.NodeName, "spec.serviceAccountName": o.Spec.ServiceAccountName,
		"status.hostIP": p.machine.Address, "status.hostIPs": p.machine.Address,
		"status.podIP": p.address(), "status.podIPs": p.address(),
	}[path]
	if !ok {
		return "", fmt.Errorf("unknown field %s", path)
	}
	return value, nil
}

func pairs(set map[string]string) string {
	var lines []string
	for key, value := range set {
		lines = append(lines, fmt.Sprintf("%s=%q", key, value))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func (c *container) resource(from *corev1.ResourceFieldSelector) (string, error) {
	kind, name, _ := strings.Cut(from.Resource, ".")
	list := c.spec.Resources.Requests
	if kind == "limits" {
		list = c.spec.Resources.Limits
	}
	quantity, ok := list[corev1.ResourceName(name)]
	if !ok {
		return "", fmt.Errorf("no %s", from.Resource)
	}
	divisor := from.Divisor.Value()
	if divisor == 0 {
		divisor = 1
	}
	return fmt.Sprint((quantity.Value() + divisor - 1) / divisor), nil
}

// arguments are the container's command and args, or the image's entry point in the command's place.
func (c *container) arguments(image *Image, env []string) []string {
	words := slices.Clone(c.spec.Command)
	if len(words) == 0 {
		words = slices.Clone(image.Entrypoint)
	}
	words = append(words, c.spec.Args...)
	for i := range words {
		words[i] = expand(words[i], env)
	}
	return words
}

// expand replaces $(NAME) by the variable's value and $$ by a dollar; an unknown name stays as it is.
func expand(text string, env []string) string {
	oldNew := []string{"$$", "$"}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		oldNew = append(oldNew, "$("+name+")", value)
	}
	return strings.NewReplacer(oldNew...).Replace(text)
}
