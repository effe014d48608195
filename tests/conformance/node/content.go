package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// content says what files a volume has at this moment. It is asked again whenever a secret or a
// config map of the namespace changes, and when a token gets old.
type content struct {
	pod    *pod
	source *corev1.VolumeSource
	tokens map[string]token // by path
}

type token struct {
	text    string
	refresh time.Time
}

// newContent is nil for volumes that are not made of files.
func newContent(p *pod, source *corev1.VolumeSource) *content {
	if source.Secret == nil && source.ConfigMap == nil && source.Projected == nil && source.DownwardAPI == nil {
		return nil
	}
	return &content{pod: p, source: source, tokens: map[string]token{}}
}

func (c *content) files(ctx context.Context) (map[string]file, error) {
	files := map[string]file{}
	s := c.source
	switch {
	case s.Secret != nil:
		data, err := c.pod.secret(s.Secret.SecretName)
		return files, pick(files, data, err, s.Secret.Items, s.Secret.DefaultMode, s.Secret.Optional)
	case s.ConfigMap != nil:
		data, err := c.pod.configMap(s.ConfigMap.Name)
		return files, pick(files, data, err, s.ConfigMap.Items, s.ConfigMap.DefaultMode, s.ConfigMap.Optional)
	case s.DownwardAPI != nil:
		return files, c.fields(files, s.DownwardAPI.Items, s.DownwardAPI.DefaultMode)
	}
	for i := range s.Projected.Sources {
		if err := c.project(ctx, files, &s.Projected.Sources[i], s.Projected.DefaultMode); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (c *content) project(ctx context.Context, files map[string]file, s *corev1.VolumeProjection, mode *int32) error {
	switch {
	case s.Secret != nil:
		data, err := c.pod.secret(s.Secret.Name)
		return pick(files, data, err, s.Secret.Items, mode, s.Secret.Optional)
	case s.ConfigMap != nil:
		data, err := c.pod.configMap(s.ConfigMap.Name)
		return pick(files, data, err, s.ConfigMap.Items, mode, s.ConfigMap.Optional)
	case s.DownwardAPI != nil:
		return c.fields(files, s.DownwardAPI.Items, mode)
	case s.ServiceAccountToken != nil:
		text, err := c.token(ctx, s.ServiceAccountToken)
		files[s.ServiceAccountToken.Path] = file{[]byte(text), fileMode(mode, nil)}
		return err
	}
	return fmt.Errorf("a kind of projected volume that is not known here")
}

// pick copies what the volume names of data, or all of it.
func pick(files map[string]file, data map[string][]byte, err error, items []corev1.KeyToPath, mode *int32, optional *bool) error {
	if apierrors.IsNotFound(err) && isTrue(optional) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(items) == 0 {
		for key, value := range data {
			files[key] = file{value, fileMode(mode, nil)}
		}
	}
	for _, item := range items {
		value, ok := data[item.Key]
		if !ok && isTrue(optional) {
			continue
		}
		if !ok {
			return apierrors.NewNotFound(corev1.Resource("keys"), item.Key)
		}
		files[path.Clean(item.Path)] = file{value, fileMode(mode, item.Mode)}
	}
	return nil
}

func fileMode(general, own *int32) os.FileMode {
	switch {
	case own != nil:
		return os.FileMode(*own)
	case general != nil:
		return os.FileMode(*general)
	}
	return 0o644
}

func (c *content) fields(files map[string]file, items []corev1.DownwardAPIVolumeFile, mode *int32) error {
	for _, item := range items {
		if item.FieldRef == nil {
			return fmt.Errorf("%s: only fieldRef is known here", item.Path)
		}
		value, err := c.pod.field(item.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		files[item.Path] = file{[]byte(value), fileMode(mode, item.Mode)}
	}
	return nil
}

// token is a service account's, bound to the pod; the same one until it gets old.
func (c *content) token(ctx context.Context, s *corev1.ServiceAccountTokenProjection) (string, error) {
	if old, ok := c.tokens[s.Path]; ok && time.Now().Before(old.refresh) {
		return old.text, nil
	}
	o := c.pod.object
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: s.ExpirationSeconds,
		BoundObjectRef:    &authv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: o.Name, UID: o.UID},
	}}
	if s.Audience != "" {
		request.Spec.Audiences = []string{s.Audience}
	}
	client := c.pod.kubelet.client.CoreV1().ServiceAccounts(o.Namespace)
	answer, err := client.CreateToken(ctx, o.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	life := time.Hour
	if s.ExpirationSeconds != nil {
		life = time.Duration(*s.ExpirationSeconds) * time.Second
	}
	refresh := life * 8 / 10
	if seconds := c.pod.kubelet.config.TokenRefreshSeconds; seconds > 0 {
		refresh = time.Duration(seconds * float64(time.Second))
	}
	c.tokens[s.Path] = token{answer.Status.Token, time.Now().Add(refresh)}
	return answer.Status.Token, nil
}

// nextRefresh is when files should be asked again though nothing changed; zero: never.
func (c *content) nextRefresh() time.Time {
	var next time.Time
	for _, t := range c.tokens {
		if next.IsZero() || t.refresh.Before(next) {
			next = t.refresh
		}
	}
	return next
}

func (p *pod) secret(name string) (map[string][]byte, error) {
	secret, err := p.kubelet.secrets.Secrets(p.object.Namespace).Get(name)
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

func (p *pod) configMap(name string) (map[string][]byte, error) {
	object, err := p.kubelet.configMaps.ConfigMaps(p.object.Namespace).Get(name)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	maps.Copy(data, object.BinaryData)
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	return data, nil
}
