package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	watchtools "k8s.io/client-go/tools/watch"

	"ark-apiserver/tests/clients/rule"
)

var listRules = rule.Rules{
	"pages_show_one_moment":                         pages,
	"a_watcher_that_retries_misses_nothing":         retryWatcher,
	"a_condition_is_awaited_from_a_list_on":         untilWithSync,
	"a_watch_of_one_object_begins_with_what_it_is":  watchOne,
	"a_list_of_a_lost_version_says_it_is_expired":   listExpired,
	"bookmarks_tell_how_far_a_watch_is":             watchBookmarks,
	"the_server_prints_tables":                      tables,
	"the_server_prints_tables_of_what_it_watches":   tablesWatched,
	"the_metadata_client_reads_patches_and_deletes": metadataClient,
}

func pages(t *rule.T) {
	widgets := client(t, rule.Widgets)
	for number := range 25 {
		create(t, widgets, rule.NewWidget(t.Namespace, fmt.Sprintf("widget-%02d", number)))
	}
	asked := 0
	source := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		if asked++; asked == 2 {
			create(t, widgets, rule.NewWidget(t.Namespace, "widget-24-late"))
			t.Must(widgets.Delete(t, "widget-24", metav1.DeleteOptions{}), "delete")
		}
		return widgets.List(ctx, options)
	})
	source.PageSize, source.PageBufferSize = 10, 0
	names := []string{}
	found, paged, err := source.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	t.True(paged, "it was one page")
	t.Must(meta.EachListItem(found, func(one runtime.Object) error {
		names = append(names, one.(metav1.Object).GetName())
		return nil
	}), "walk")
	t.Equal(asked, 3, "pages")
	t.Equal(len(names), 25, "objects")
	t.Equal(names[24], "widget-24", "the last one")
	first, err := widgets.List(t, metav1.ListOptions{Limit: 20})
	t.Must(err, "list a page")
	t.Equal(*first.GetRemainingItemCount(), int64(5), "remaining")
	_, err = widgets.List(t, metav1.ListOptions{Limit: 20, Continue: "nonsense"})
	t.True(apierrors.IsBadRequest(err), "a token that is none: %v", err)
}

func listWatch(on dynamic.ResourceInterface, tweak func(*metav1.ListOptions)) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			tweak(&options)
			return on.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			tweak(&options)
			return on.Watch(ctx, options)
		},
	}
}

func retryWatcher(t *rule.T) {
	queries := client(t, rule.Queries)
	start, err := queries.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	second := int64(1)
	source := listWatch(queries, func(options *metav1.ListOptions) { options.TimeoutSeconds = &second })
	watcher, err := watchtools.NewRetryWatcherWithContext(t, start.GetResourceVersion(), source)
	t.Must(err, "watch")
	defer watcher.Stop()
	const count = 12
	go func() {
		for number := range count {
			_, _ = queries.Create(t, rule.NewQuery(t.Namespace, fmt.Sprintf("query-%d", number)), metav1.CreateOptions{})
			time.Sleep(300 * time.Millisecond)
		}
	}()
	for number := range count {
		event := next(t, watcher)
		t.Equal(event.Type, watch.Added, "type")
		t.Equal(event.Object.(*unstructured.Unstructured).GetName(), fmt.Sprintf("query-%d", number), "name")
	}
}

func next(t *rule.T, from watch.Interface) watch.Event {
	select {
	case event, more := <-from.ResultChan():
		t.True(more, "the watch ended")
		return event
	case <-time.After(15 * time.Second):
		t.Fail("no event came")
	}
	return watch.Event{}
}

func untilWithSync(t *rule.T) {
	queries := client(t, rule.Queries)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	go func() {
		time.Sleep(200 * time.Millisecond)
		_, _ = queries.Patch(t, "one", types.MergePatchType, []byte(`{"status":{"phase":"done"}}`), metav1.PatchOptions{}, "status")
	}()
	source := listWatch(queries, func(options *metav1.ListOptions) { options.FieldSelector = "metadata.name=one" })
	event, err := watchtools.UntilWithSync(t, source, &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
		return rule.Member(event.Object.(*unstructured.Unstructured), "status", "phase") == "done", nil
	})
	t.Must(err, "wait")
	t.Equal(event.Type, watch.Modified, "type of the last event")
}

func watchOne(t *rule.T) {
	queries := client(t, rule.Queries)
	create(t, queries, rule.NewQuery(t.Namespace, "other"))
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	watcher, err := queries.Watch(t, metav1.ListOptions{FieldSelector: "metadata.name=one"})
	t.Must(err, "watch")
	defer watcher.Stop()
	event := next(t, watcher)
	t.Equal(event.Type, watch.Added, "type")
	t.Equal(event.Object.(*unstructured.Unstructured).GetName(), "one", "name")
	t.Must(queries.Delete(t, "other", metav1.DeleteOptions{}), "delete")
	t.Must(queries.Delete(t, "one", metav1.DeleteOptions{}), "delete")
	event = next(t, watcher)
	t.Equal(event.Type, watch.Deleted, "type")
	t.Equal(event.Object.(*unstructured.Unstructured).GetName(), "one", "name")
}

func listExpired(t *rule.T) {
	queries := client(t, rule.Queries)
	_, err := queries.List(t, metav1.ListOptions{ResourceVersion: "1", ResourceVersionMatch: metav1.ResourceVersionMatchExact})
	if err == nil {
		return // so young that nothing is compacted yet
	}
	t.True(apierrors.IsResourceExpired(err) || apierrors.IsGone(err), "a list at revision 1: %v", err)
}

func watchBookmarks(t *rule.T) {
	queries := client(t, rule.Queries)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	initial, second := true, int64(4)
	watcher, err := queries.Watch(t, metav1.ListOptions{SendInitialEvents: &initial, AllowWatchBookmarks: true,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, TimeoutSeconds: &second})
	t.Must(err, "watch")
	defer watcher.Stop()
	t.Equal(next(t, watcher).Type, watch.Added, "type of the first event")
	event := next(t, watcher)
	t.Equal(event.Type, watch.Bookmark, "type of the second event")
	mark, err := meta.Accessor(event.Object)
	t.Must(err, "read the bookmark")
	t.Equal(mark.GetAnnotations()[metav1.InitialEventsAnnotationKey], "true", "the annotation of its end")
	current, err := queries.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	t.True(mark.GetResourceVersion() <= current.GetResourceVersion(), "a bookmark of the future")
	event = next(t, watcher)
	t.Equal(event.Type, watch.Bookmark, "type of what comes before the end")
}

func printer(t *rule.T) *rest.RESTClient {
	config := rule.Config(t)
	known := runtime.NewScheme()
	t.Must(metav1.AddMetaToScheme(known), "make a scheme")
	metav1.AddToGroupVersion(known, metav1.Unversioned)
	config.GroupVersion, config.APIPath = &schema.GroupVersion{Group: rule.Ark.Group, Version: rule.Ark.Version}, "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(known).WithoutConversion()
	config.AcceptContentTypes = "application/json;as=Table;v=v1;g=meta.k8s.io"
	return rule.Get[*rest.RESTClient](t, "make a client")(rest.RESTClientFor(config))
}

func tables(t *rule.T) {
	create(t, client(t, rule.Queries), rule.NewQuery(t.Namespace, "one"))
	table := &metav1.Table{}
	t.Must(printer(t).Get().Namespace(t.Namespace).Resource("queries").Do(t).Into(table), "get a table")
	names := []string{}
	for _, column := range table.ColumnDefinitions {
		names = append(names, column.Name)
	}
	t.Equal(names, []string{"Name", "Type", "Phase", "Duration", "Age"}, "columns")
	t.Equal(len(table.Rows), 1, "rows")
	t.Equal(table.Rows[0].Cells[:2], []any{"one", "user"}, "cells")
	row := &metav1.PartialObjectMetadata{}
	t.Must(json.Unmarshal(table.Rows[0].Object.Raw, row), "read the object of a row")
	t.Equal(row.Name, "one", "name in the object of a row")
}

func tablesWatched(t *rule.T) {
	watcher, err := printer(t).Get().Namespace(t.Namespace).Resource("queries").
		VersionedParams(&metav1.ListOptions{Watch: true}, metav1.ParameterCodec).Watch(t)
	t.Must(err, "watch")
	defer watcher.Stop()
	create(t, client(t, rule.Queries), rule.NewQuery(t.Namespace, "one"))
	object := next(t, watcher).Object
	table, right := object.(*metav1.Table)
	t.True(right, "the event is of %T: %v", object, object)
	t.Equal(len(table.ColumnDefinitions), 5, "columns of the first event")
	t.Equal(len(table.Rows), 1, "rows")
}

func metadataClient(t *rule.T) {
	queries := client(t, rule.Queries)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	made := rule.Get[metadata.Interface](t, "make a client")(metadata.NewForConfig(rule.Config(t)))
	on := made.Resource(rule.Queries).Namespace(t.Namespace)
	found, err := on.Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get")
	t.Equal(found.Name, "one", "name")
	list, err := on.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	t.Equal(len(list.Items), 1, "objects")
	patched, err := on.Patch(t, "one", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{})
	t.Must(err, "patch")
	t.Equal(patched.Labels, map[string]string{"a": "b"}, "labels")
	t.Must(on.DeleteCollection(t, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "a=b"}), "delete")
	_, err = on.Get(t, "one", metav1.GetOptions{})
	t.True(apierrors.IsNotFound(err), "a get after that: %v", err)
}
