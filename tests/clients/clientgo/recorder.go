package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"

	"ark-apiserver/tests/clients/rule"
)

var recorderRules = rule.Rules{
	"a_recorder_counts_what_repeats":                    recorderCounts,
	"a_recorder_of_the_new_group_counts_series":         recorderSeries,
	"an_event_is_the_same_in_both_groups":               recorderBoth,
	"the_scale_client_reads_updates_and_patches_scales": scales,
}

func reference(t *rule.T) *corev1.ObjectReference {
	created := create(t, client(t, rule.Queries), rule.NewQuery(t.Namespace, "one"))
	return &corev1.ObjectReference{APIVersion: created.GetAPIVersion(), Kind: created.GetKind(), Name: "one",
		Namespace: t.Namespace, UID: created.GetUID(), ResourceVersion: created.GetResourceVersion()}
}

func recorderCounts(t *rule.T) {
	clients, about := typed(t), reference(t)
	broadcaster := record.NewBroadcaster(record.WithContext(t))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: clients.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "tests"})
	for range 3 {
		recorder.AnnotatedEventf(about, map[string]string{"a": "b"}, corev1.EventTypeWarning, "Failed", "attempt %s", "failed")
	}
	t.Eventually(func() bool {
		found, err := clients.CoreV1().Events(t.Namespace).List(t, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(about.UID)})
		t.Must(err, "list")
		return len(found.Items) == 1 && found.Items[0].Count == 3 && found.Items[0].Source.Component == "tests"
	}, "one event with a count of 3")
}

func recorderSeries(t *rule.T) {
	clients, about := typed(t), reference(t)
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: clients.EventsV1()})
	defer broadcaster.Shutdown()
	t.Must(broadcaster.StartRecordingToSinkWithContext(t), "start")
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/tests")
	for range 3 {
		recorder.Eventf(about, nil, corev1.EventTypeNormal, "Tried", "Trying", "it %s", "tries")
	}
	t.Eventually(func() bool {
		found, err := clients.EventsV1().Events(t.Namespace).List(t, metav1.ListOptions{})
		t.Must(err, "list")
		return len(found.Items) == 1 && found.Items[0].Series != nil && found.Items[0].Series.Count >= 2 &&
			found.Items[0].ReportingController == "example.com/tests" && found.Items[0].Regarding.Name == "one"
	}, "one event with a series")
}

func recorderBoth(t *rule.T) {
	clients := typed(t)
	now := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	event := &corev1.Event{ObjectMeta: named("one"), Message: "hello", Reason: "Said", Type: "Normal", Count: 2,
		FirstTimestamp: now, LastTimestamp: now, Source: corev1.EventSource{Component: "me"},
		InvolvedObject: corev1.ObjectReference{Kind: "Query", Name: "q", Namespace: t.Namespace}}
	_, err := clients.CoreV1().Events(t.Namespace).Create(t, event, metav1.CreateOptions{})
	t.Must(err, "create")
	other, err := clients.EventsV1().Events(t.Namespace).Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get from the new group")
	t.Equal(other.Note, "hello", "note")
	t.Equal(other.Regarding.Name, "q", "regarding")
	t.Equal(other.DeprecatedCount, int32(2), "deprecatedCount")
	t.Equal(other.DeprecatedSource.Component, "me", "deprecatedSource")
	found, err := clients.EventsV1().Events(t.Namespace).List(t, metav1.ListOptions{FieldSelector: "regarding.name=q"})
	t.Must(err, "list by what it regards")
	t.Equal(len(found.Items), 1, "events")
	t.Must(clients.EventsV1().Events(t.Namespace).Delete(t, "one", metav1.DeleteOptions{}), "delete")
}

func scales(t *rule.T) {
	create(t, client(t, rule.Widgets), rule.NewWidget(t.Namespace, "one"))
	discovered := memory.NewMemCacheClient(discoverer(t))
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(discovered)
	getter := rule.Get[scale.ScalesGetter](t, "make a client")(scale.NewForConfig(rule.Config(t), mapper,
		dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(discovered)))
	on, resource := getter.Scales(t.Namespace), rule.Widgets.GroupResource()
	found, err := on.Get(t, resource, "one", metav1.GetOptions{})
	t.Must(err, "get")
	t.Equal(found.Spec.Replicas, int32(2), "replicas")
	found.Spec.Replicas = 5
	found, err = on.Update(t, resource, found, metav1.UpdateOptions{})
	t.Must(err, "update")
	t.Equal(found.Spec.Replicas, int32(5), "replicas")
	found, err = on.Patch(t, rule.Widgets, "one", types.MergePatchType, []byte(`{"spec":{"replicas":7}}`), metav1.PatchOptions{})
	t.Must(err, "patch")
	t.Equal(found.Spec.Replicas, int32(7), "replicas")
	whole, err := client(t, rule.Widgets).Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get the widget")
	t.Equal(rule.Member(whole, "spec", "replicas"), 7, "replicas of the widget")
}
