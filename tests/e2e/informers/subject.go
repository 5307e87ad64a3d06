package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const ark = "ark.mckinsey.com"

var (
	queries    = schema.GroupVersionResource{Group: ark, Version: "v1alpha1", Resource: "queries"}
	agents     = schema.GroupVersionResource{Group: ark, Version: "v1alpha1", Resource: "agents"}
	arkconfigs = schema.GroupVersionResource{Group: ark, Version: "v1alpha1", Resource: "arkconfigs"}
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// subject is one informer under test.
type subject struct {
	name     string
	informer cache.SharedIndexInformer
	list     func(context.Context) (runtime.Object, error)
	requests *requestLog
	told     *told
}

// informerReport is what is known of one informer.
type informerReport struct {
	Objects     map[string]string `json:"objects"`
	Differences []string          `json:"differences"`
	Faults      []string          `json:"faults"`
	Told        int               `json:"told"`
	Requests    []request         `json:"requests"`
}

// making is how an informer is made of a configuration, and how its objects are listed with another.
type making func(observed, plain *rest.Config) (cache.SharedIndexInformer, func(context.Context) (runtime.Object, error), error)

// maker makes the informer of a name.
type maker struct {
	name string
	make making
}

func makeSubjects(observed, plain *rest.Config) ([]*subject, error) {
	makes := []maker{
		{"queries", dynamicInformer(queries, "", "")},
		{"queries-of-tier", dynamicInformer(queries, "", "tier=a")},
		{"queries-of-namespace", dynamicInformer(queries, "chaos-0", "")},
		{"agents", dynamicInformer(agents, "", "")},
		{"arkconfigs", dynamicInformer(arkconfigs, "", "")},
		{"secrets", dynamicInformer(secrets, "", "")},
		{"configmaps", typedInformer},
		{"secrets-metadata", metadataInformer(secrets)},
	}
	var subjects []*subject
	for _, one := range makes {
		log := &requestLog{}
		own := rest.CopyConfig(observed)
		own.Wrap(func(next http.RoundTripper) http.RoundTripper { return &recorder{next, log} })
		informer, list, err := one.make(own, plain)
		if err != nil {
			return nil, err
		}
		heard := &told{objects: map[string]string{}}
		if _, err := informer.AddEventHandler(heard); err != nil {
			return nil, err
		}
		subjects = append(subjects, &subject{one.name, informer, list, log, heard})
	}
	return subjects, nil
}

func dynamicInformer(resource schema.GroupVersionResource, namespace, labels string) making {
	return func(observed, plain *rest.Config) (cache.SharedIndexInformer, func(context.Context) (runtime.Object, error), error) {
		client, err := dynamic.NewForConfig(observed)
		if err != nil {
			return nil, nil, err
		}
		other, err := dynamic.NewForConfig(plain)
		if err != nil {
			return nil, nil, err
		}
		tweak := func(options *metav1.ListOptions) { options.LabelSelector = labels }
		informer := dynamicinformer.NewFilteredDynamicInformer(client, resource, namespace, 0, cache.Indexers{}, tweak)
		list := func(ctx context.Context) (runtime.Object, error) {
			return other.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
		}
		return informer.Informer(), list, nil
	}
}

func typedInformer(observed, plain *rest.Config) (cache.SharedIndexInformer, func(context.Context) (runtime.Object, error), error) {
	client, err := kubernetes.NewForConfig(observed)
	if err != nil {
		return nil, nil, err
	}
	other, err := kubernetes.NewForConfig(plain)
	if err != nil {
		return nil, nil, err
	}
	list := func(ctx context.Context) (runtime.Object, error) {
		return other.CoreV1().ConfigMaps("").List(ctx, metav1.ListOptions{})
	}
	return informers.NewSharedInformerFactory(client, 0).Core().V1().ConfigMaps().Informer(), list, nil
}

func metadataInformer(resource schema.GroupVersionResource) making {
	return func(observed, plain *rest.Config) (cache.SharedIndexInformer, func(context.Context) (runtime.Object, error), error) {
		client, err := metadata.NewForConfig(observed)
		if err != nil {
			return nil, nil, err
		}
		other, err := metadata.NewForConfig(plain)
		if err != nil {
			return nil, nil, err
		}
		list := func(ctx context.Context) (runtime.Object, error) {
			return other.Resource(resource).List(ctx, metav1.ListOptions{})
		}
		informer := metadatainformer.NewFilteredMetadataInformer(client, resource, "", 0, cache.Indexers{}, nil)
		return informer.Informer(), list, nil
	}
}

func (s *subject) report(ctx context.Context, compare bool) informerReport {
	found := informerReport{
		Objects:     map[string]string{},
		Differences: []string{},
		Requests:    s.requests.take(),
	}
	found.Told, found.Faults = s.told.take()
	if !compare {
		return found
	}
	cached := map[string]runtime.Object{}
	for _, item := range s.informer.GetStore().List() {
		object := item.(runtime.Object)
		key, _ := cache.MetaNamespaceKeyFunc(object)
		accessor, _ := meta.Accessor(object)
		cached[key] = object
		found.Objects[key] = accessor.GetResourceVersion()
	}
	found.Differences = append(s.listed(ctx, cached), s.told.differences(found.Objects)...)
	return found
}

// listed tells how a cache differs from what a list of the server says now.
func (s *subject) listed(ctx context.Context, cached map[string]runtime.Object) []string {
	differences := []string{}
	list, err := s.list(ctx)
	if err != nil {
		return append(differences, err.Error())
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return append(differences, err.Error())
	}
	for _, item := range items {
		key, _ := cache.MetaNamespaceKeyFunc(item)
		accessor, _ := meta.Accessor(item)
		own, there := cached[key]
		delete(cached, key)
		if !there {
			differences = append(differences, fmt.Sprintf("%s is missing", key))
			continue
		}
		// Items of a list need not say what they are.
		own = own.DeepCopyObject()
		own.GetObjectKind().SetGroupVersionKind(item.GetObjectKind().GroupVersionKind())
		if !equality.Semantic.DeepEqual(own, item) {
			ownAccessor, _ := meta.Accessor(own)
			differences = append(differences, fmt.Sprintf("%s is %s and should be %s", key,
				ownAccessor.GetResourceVersion(), accessor.GetResourceVersion()))
		}
	}
	for key := range cached {
		differences = append(differences, fmt.Sprintf("%s is no more", key))
	}
	return differences
}

// told is what the handlers of an informer have been told.
type told struct {
	lock    sync.Mutex
	objects map[string]string
	events  int
	faults  []string
}

func (t *told) OnAdd(object any, _ bool) {
	t.note(object, func(key, version string) {
		if _, known := t.objects[key]; known {
			t.faults = append(t.faults, fmt.Sprintf("%s was added twice", key))
		}
		t.objects[key] = version
	})
}

func (t *told) OnUpdate(_, object any) {
	t.note(object, func(key, version string) {
		before, known := t.objects[key]
		if !known {
			t.faults = append(t.faults, fmt.Sprintf("%s was changed before it was added", key))
		}
		if older(version, before) {
			t.faults = append(t.faults, fmt.Sprintf("%s went back from %s to %s", key, before, version))
		}
		t.objects[key] = version
	})
}

func (t *told) OnDelete(object any) {
	if unknown, is := object.(cache.DeletedFinalStateUnknown); is {
		object = unknown.Obj
	}
	t.note(object, func(key, _ string) {
		if _, known := t.objects[key]; !known {
			t.faults = append(t.faults, fmt.Sprintf("%s was deleted before it was added", key))
		}
		delete(t.objects, key)
	})
}

func (t *told) note(object any, change func(key, version string)) {
	key, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		panic(err)
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.events++
	change(key, accessor.GetResourceVersion())
}

func (t *told) take() (int, []string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.events, append([]string{}, t.faults...)
}

func (t *told) differences(cached map[string]string) []string {
	t.lock.Lock()
	defer t.lock.Unlock()
	found := []string{}
	for key, version := range cached {
		if t.objects[key] != version {
			found = append(found, fmt.Sprintf("handlers were told %q of %s, which is %s", t.objects[key], key, version))
		}
	}
	for key := range t.objects {
		if _, there := cached[key]; !there {
			found = append(found, fmt.Sprintf("handlers were not told that %s has gone", key))
		}
	}
	return found
}

// older compares revisions, which are decimal numbers without leading zeros.
func older(one, other string) bool {
	if len(one) != len(other) {
		return len(one) < len(other)
	}
	return one < other
}
