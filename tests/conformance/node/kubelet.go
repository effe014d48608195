package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// kubelet owns the running pods of all lab nodes. Events come from the informers' goroutines.
type kubelet struct {
	config     *Config
	client     kubernetes.Interface
	machines   map[string]*machine
	network    *network
	scheduler  *scheduler
	secrets    listers.SecretLister
	configMaps listers.ConfigMapLister

	mu   sync.Mutex
	pods map[types.UID]*pod
}

func newKubelet(config *Config) (*kubelet, error) {
	rest, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return nil, err
	}
	rest.QPS, rest.Burst = 500, 500
	rest.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, err
	}
	k := &kubelet{config: config, client: client, machines: map[string]*machine{}, pods: map[types.UID]*pod{}}
	if k.network, err = newNetwork(config.PodBridge, config.PodGateway); err != nil {
		return nil, err
	}
	for i := range config.Nodes {
		m, err := newMachine(&config.Nodes[i])
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", config.Nodes[i].Name, err)
		}
		k.machines[m.Name] = m
	}
	k.scheduler = newScheduler(client, config.Nodes)
	return k, nil
}

// run serves until the context ends, and leaves no process behind.
func (k *kubelet) run(ctx context.Context) error {
	for _, m := range k.machines {
		if err := m.serveLogs(ctx, k); err != nil {
			return fmt.Errorf("node %s: logs: %w", m.Name, err)
		}
		if err := m.register(ctx, k.client); err != nil {
			return fmt.Errorf("node %s: %w", m.Name, err)
		}
	}
	if err := k.watch(ctx); err != nil {
		return err
	}
	log.Printf("%d nodes ready", len(k.machines))
	<-ctx.Done()
	k.killAll()
	return nil
}

func (k *kubelet) watch(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	core := factory.Core().V1()
	k.secrets, k.configMaps = core.Secrets().Lister(), core.ConfigMaps().Lister()
	for _, informer := range []cache.SharedIndexInformer{core.Secrets().Informer(), core.ConfigMaps().Informer()} {
		changed := func(o any) {
			if object, ok := o.(metav1.Object); ok {
				k.wake(object.GetNamespace())
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, o any) { changed(o) },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if _, err := core.Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { k.update(ctx, o.(*corev1.Pod)) },
		UpdateFunc: func(_, o any) { k.update(ctx, o.(*corev1.Pod)) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if object, ok := o.(*corev1.Pod); ok {
				k.gone(object)
			}
		},
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return nil
}

// wake has the pods of a namespace look at their volumes again.
func (k *kubelet) wake(namespace string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.object.Namespace == namespace {
			p.wake()
		}
	}
}

// update brings what runs into line with one pod object.
func (k *kubelet) update(ctx context.Context, object *corev1.Pod) {
	k.scheduler.saw(object)
	switch {
	case object.Spec.NodeName == "" && object.DeletionTimestamp == nil:
		k.scheduler.bind(ctx, object)
	case k.machines[object.Spec.NodeName] == nil:
		if object.DeletionTimestamp != nil {
			go k.deleteObject(object)
		}
	case object.DeletionTimestamp != nil:
		go k.end(object)
	case object.Status.Phase != corev1.PodSucceeded && object.Status.Phase != corev1.PodFailed:
		k.start(ctx, object)
	}
}

func (k *kubelet) start(ctx context.Context, object *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pods[object.UID] != nil {
		return
	}
	p := newPod(k, k.machines[object.Spec.NodeName], object.DeepCopy())
	k.pods[object.UID] = p
	go p.run(ctx)
}

func (k *kubelet) find(match func(*pod) bool) *pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if match(p) {
			return p
		}
	}
	return nil
}

func (k *kubelet) take(uid types.UID) *pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pods[uid]
}

func (k *kubelet) forget(uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pods, uid)
}

// end stops a pod that has a deletion timestamp, then deletes the object for good.
func (k *kubelet) end(object *corev1.Pod) {
	if p := k.take(object.UID); p != nil {
		grace := 30 * time.Second
		if object.DeletionGracePeriodSeconds != nil {
			grace = time.Duration(*object.DeletionGracePeriodSeconds) * time.Second
		}
		if !p.stop(grace) {
			return // somebody else is at it
		}
		k.forget(object.UID)
	}
	k.deleteObject(object)
}

// deleteObject outlives the watch's context: a namespace cannot go while a pod object is left.
func (k *kubelet) deleteObject(object *corev1.Pod) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		err := k.client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(object.UID)),
		})
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return
		}
		log.Printf("delete %s/%s: %v", object.Namespace, object.Name, err)
		time.Sleep(200 * time.Millisecond)
	}
}

// gone stops a pod whose object was deleted by force.
func (k *kubelet) gone(object *corev1.Pod) {
	k.scheduler.gone(object)
	if p := k.take(object.UID); p != nil {
		go func() {
			p.stop(0)
			k.forget(object.UID)
		}()
	}
}

func (k *kubelet) killAll() {
	k.mu.Lock()
	pods := make([]*pod, 0, len(k.pods))
	for _, p := range k.pods {
		pods = append(pods, p)
	}
	k.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range pods {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.stop(2 * time.Second)
		}()
	}
	wg.Wait()
}
