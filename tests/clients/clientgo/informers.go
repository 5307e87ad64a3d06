package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"ark-apiserver/tests/clients/rule"
)

// informerRules are tried twice: with informers that stream what there is, and with those that list it.
var informerRules = func() rule.Rules {
	rules := rule.Rules{
		"a_reflector_holds_what_is_stored":                reflectorHolds,
		"an_informer_sees_what_there_is_and_what_comes":   informerSees,
		"an_informer_goes_on_when_its_watch_ends":         informerGoesOn,
		"an_informer_of_typed_objects_is_equal_to_a_list": func(t *rule.T) { typedInformer(t, inProtobuf) },
		"an_informer_of_typed_objects_works_in_json":      func(t *rule.T) { typedInformer(t, inJSON) },
		"an_informer_of_typed_objects_does_without_json":  func(t *rule.T) { typedInformer(t, onlyProtobuf) },
		"an_informer_of_metadata_gets_nothing_else":       metadataInformer,
		"an_informer_with_selectors_follows_transitions":  selectingInformer,
		"an_informer_of_all_namespaces_sees_all":          wideInformer,
	}
	both := rule.Rules{}
	for name, body := range rules {
		both["streaming_"+name], both["listing_"+name] = body, body
	}
	maps.Copy(both, rule.Rules{
		"streaming_informers_ask_for_no_list": func(t *rule.T) { informerAsks(t, true) },
		"listing_informers_ask_for_a_list":    func(t *rule.T) { informerAsks(t, false) },
	})
	return both
}()

// log remembers what an informer told, as text.
type log struct {
	sync.Mutex
	lines []string
}

func (l *log) add(format string, arguments ...any) {
	l.Lock()
	defer l.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, arguments...))
}

func (l *log) text() string {
	l.Lock()
	defer l.Unlock()
	return strings.Join(l.lines, ", ")
}

func (l *log) handler() cache.ResourceEventHandler {
	name := func(object any) string {
		found, err := meta.Accessor(object)
		if err != nil {
			return fmt.Sprint(object)
		}
		return found.GetName()
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.add("add %s", name(object)) },
		UpdateFunc: func(_, object any) { l.add("update %s", name(object)) },
		DeleteFunc: func(object any) { l.add("delete %s", name(object)) },
	}
}

func run(t *rule.T, informer cache.SharedIndexInformer) {
	go informer.Run(t.Done())
	t.True(cache.WaitForCacheSync(t.Done(), informer.HasSynced), "the informer did not sync")
}

// versions are the names and versions of what a store holds.
func versions(objects []any) map[string]string {
	found := map[string]string{}
	for _, one := range objects {
		object, err := meta.Accessor(one)
		if err != nil {
			panic(err)
		}
		found[object.GetNamespace()+"/"+object.GetName()] = object.GetResourceVersion()
	}
	return found
}

func listed(t *rule.T, on dynamic.ResourceInterface) map[string]string {
	list, err := on.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	found := map[string]string{}
	for _, one := range list.Items {
		found[one.GetNamespace()+"/"+one.GetName()] = one.GetResourceVersion()
	}
	return found
}

// writeAtRandom creates, changes and deletes widgets, always the same ones for one seed.
func writeAtRandom(t *rule.T, on dynamic.ResourceInterface, seed int64, times int) {
	random := rand.New(rand.NewSource(seed))
	for range times {
		name := fmt.Sprintf("widget-%d", random.Intn(12))
		current, err := on.Get(t, name, metav1.GetOptions{})
		switch {
		case err != nil:
			create(t, on, rule.NewWidget(t.Namespace, name))
		case random.Intn(3) == 0:
			t.Must(on.Delete(t, name, metav1.DeleteOptions{}), "delete "+name)
		default:
			t.Must(unstructured.SetNestedField(current.Object, random.Int63n(10)+1, "spec", "size"), "set the size")
			_, err = on.Update(t, current, metav1.UpdateOptions{})
			t.Must(err, "update "+name)
		}
	}
}

func reflectorHolds(t *rule.T) {
	widgets := client(t, rule.Widgets)
	writeAtRandom(t, widgets, 1, 30)
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	source := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return widgets.List(ctx, options)
		},
		WatchFuncWithContext: widgets.Watch,
	}, rule.Get[*dynamic.DynamicClient](t, "make a client")(dynamic.NewForConfig(rule.Config(t))))
	reflector := cache.NewReflector(source, &unstructured.Unstructured{}, store, 0)
	go reflector.RunWithContext(t)
	writeAtRandom(t, widgets, 2, 60)
	want := listed(t, widgets)
	t.Eventually(func() bool { return maps.Equal(versions(store.List()), want) }, "the store holds what a list finds")
	t.True(reflector.LastSyncResourceVersion() != "", "no resourceVersion")
}

func informerSees(t *rule.T) {
	widgets := client(t, rule.Widgets)
	create(t, widgets, rule.NewWidget(t.Namespace, "there"))
	informer := informerOf(t, nil)
	seen := &log{}
	_, err := informer.AddEventHandler(seen.handler())
	t.Must(err, "add a handler")
	run(t, informer)
	created := create(t, widgets, rule.NewWidget(t.Namespace, "new"))
	created.SetLabels(map[string]string{"a": "b"})
	_, err = widgets.Update(t, created, metav1.UpdateOptions{})
	t.Must(err, "update")
	t.Must(widgets.Delete(t, "new", metav1.DeleteOptions{}), "delete")
	t.Eventually(func() bool { return seen.text() == "add there, add new, update new, delete new" },
		"every change once and in order, but: %v", seen)
}

func informerOf(t *rule.T, tweak dynamicinformer.TweakListOptionsFunc) cache.SharedIndexInformer {
	made := rule.Get[*dynamic.DynamicClient](t, "make a client")(dynamic.NewForConfig(rule.Config(t)))
	return dynamicinformer.NewFilteredDynamicInformer(
		made, rule.Widgets, t.Namespace, 0, cache.Indexers{}, tweak).Informer()
}

func informerGoesOn(t *rule.T) {
	widgets := client(t, rule.Widgets)
	one := int64(1)
	informer := informerOf(t, func(options *metav1.ListOptions) {
		if options.Watch || options.TimeoutSeconds != nil {
			options.TimeoutSeconds = &one
		}
	})
	run(t, informer)
	for round := range int64(6) {
		writeAtRandom(t, widgets, round, 10)
		time.Sleep(500 * time.Millisecond)
	}
	want := listed(t, widgets)
	t.Eventually(func() bool { return maps.Equal(versions(informer.GetStore().List()), want) },
		"the cache holds what a list finds")
}

func typedInformer(t *rule.T, in func(*rest.Config) *rest.Config) {
	clients := rule.Get[*kubernetes.Clientset](t, "make a client")(kubernetes.NewForConfig(in(rule.Config(t))))
	for number := range 25 {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("secret-%d", number)},
			Data: map[string][]byte{"token": {0, 255, byte(number)}}}
		_, err := clients.CoreV1().Secrets(t.Namespace).Create(t, secret, metav1.CreateOptions{})
		t.Must(err, "create a secret")
	}
	factory := informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithNamespace(t.Namespace))
	lister := factory.Core().V1().Secrets().Lister().Secrets(t.Namespace)
	factory.Core().V1().ConfigMaps().Informer()
	factory.Start(t.Done())
	for kind, synced := range factory.WaitForCacheSync(t.Done()) {
		t.True(synced, "%v did not sync", kind)
	}
	for number := range 25 {
		secret, err := lister.Get(fmt.Sprintf("secret-%d", number))
		t.Must(err, "get from the cache")
		t.Equal(secret.Data["token"], []byte{0, 255, byte(number)}, "data")
		direct, err := clients.CoreV1().Secrets(t.Namespace).Get(t, secret.Name, metav1.GetOptions{})
		t.Must(err, "get")
		t.Equal(secret.ObjectMeta.String(), direct.ObjectMeta.String(), "metadata")
	}
}

func metadataInformer(t *rule.T) {
	widgets := client(t, rule.Widgets)
	create(t, widgets, rule.NewWidget(t.Namespace, "there"))
	made := rule.Get[metadata.Interface](t, "make a client")(metadata.NewForConfig(rule.Config(t)))
	informer := metadatainformer.NewFilteredMetadataInformer(
		made, rule.Widgets, t.Namespace, 0, cache.Indexers{}, nil).Informer()
	run(t, informer)
	create(t, widgets, rule.NewWidget(t.Namespace, "new"))
	want := listed(t, widgets)
	t.Eventually(func() bool { return maps.Equal(versions(informer.GetStore().List()), want) }, "both are cached")
	for _, one := range informer.GetStore().List() {
		_, right := one.(*metav1.PartialObjectMetadata)
		t.True(right, "%T is not metadata", one)
	}
}

func selectingInformer(t *rule.T) {
	widgets := client(t, rule.Widgets)
	informer := informerOf(t, func(options *metav1.ListOptions) {
		options.LabelSelector, options.FieldSelector = "tier=front", "spec.color=red"
	})
	seen := &log{}
	_, err := informer.AddEventHandler(seen.handler())
	t.Must(err, "add a handler")
	run(t, informer)
	object := create(t, widgets, rule.NewWidget(t.Namespace, "one"))
	for _, change := range []func(){
		func() { object.SetLabels(map[string]string{"tier": "front"}) },
		func() { _ = unstructured.SetNestedField(object.Object, "blue", "spec", "color") },
		func() { _ = unstructured.SetNestedField(object.Object, "red", "spec", "color") },
		func() { object.SetLabels(map[string]string{"tier": "back"}) },
	} {
		change()
		object, err = widgets.Update(t, object, metav1.UpdateOptions{})
		t.Must(err, "update")
	}
	t.Eventually(func() bool { return seen.text() == "add one, delete one, add one, delete one" },
		"what comes to match is added and what ceases to is deleted, but: %v", seen)
}

func wideInformer(t *rule.T) {
	made := rule.Get[*dynamic.DynamicClient](t, "make a client")(dynamic.NewForConfig(rule.Config(t)))
	informer := dynamicinformer.NewFilteredDynamicInformer(
		made, rule.Tools, metav1.NamespaceAll, 0, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}, nil)
	run(t, informer.Informer())
	tool := rule.Object(rule.Tool, t.Namespace, "noop", map[string]any{"type": "builtin", "builtin": map[string]any{"name": "noop"}})
	create(t, client(t, rule.Tools), tool)
	t.Eventually(func() bool {
		found, err := informer.Informer().GetIndexer().ByIndex(cache.NamespaceIndex, t.Namespace)
		return err == nil && len(found) == 1
	}, "the tool of this namespace is cached")
}

// asked remembers the queries of requests.
type asked struct {
	http.RoundTripper
	log
}

func (a *asked) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := a.RoundTripper.RoundTrip(request)
	if err == nil {
		query := request.URL.Query()
		a.add("watch=%s initial=%s %d", query.Get("watch"), query.Get("sendInitialEvents"), answer.StatusCode)
	}
	return answer, err
}

func informerAsks(t *rule.T, streaming bool) {
	config := rule.Config(t)
	seen := &asked{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		seen.RoundTripper = next
		return seen
	})
	made := rule.Get[*dynamic.DynamicClient](t, "make a client")(dynamic.NewForConfig(config))
	run(t, dynamicinformer.NewFilteredDynamicInformer(
		made, rule.Widgets, t.Namespace, 0, cache.Indexers{}, nil).Informer())
	want := "watch= initial= 200, watch=true initial= 200"
	if streaming {
		want = "watch=true initial=true 200"
	}
	t.Eventually(func() bool { return strings.HasPrefix(seen.text(), want) }, "%q was asked, but: %v", want, seen)
}

func inProtobuf(config *rest.Config) *rest.Config {
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

func onlyProtobuf(config *rest.Config) *rest.Config {
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	return config
}

func inJSON(config *rest.Config) *rest.Config {
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	return config
}

func (l *log) String() string { return l.text() }
