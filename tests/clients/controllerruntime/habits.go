package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ark-apiserver/tests/clients/rule"
)

// habitRules are what Ark's own controller does.
var habitRules = rule.Rules{
	"a_whole_object_with_its_status_is_put_back":       wholePut,
	"a_status_is_put_with_the_whole_object":            wholeStatus,
	"a_duration_written_otherwise_is_a_new_generation": durations,
	"a_child_that_exists_is_told_apart":                existingChild,
	"an_owner_without_a_controller_may_own":            plainOwner,
	"an_event_that_is_posted_twice_exists_already":     eventTwice,
	"an_event_of_a_series_is_patched":                  eventSeries,
	"a_query_goes_by_its_time_to_live":                 timeToLive,
	"approvals_are_counted_under_conflicts":            approvals,
	"a_service_account_is_impersonated":                impersonation,
	"queries_are_selected_by_expressions":              selection,
	"what_is_missing_is_told_as_not_found":             missing,
}

func wholePut(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	query.Status.Phase = "done"
	t.Must(on.Create(t, query), "create")
	t.Equal(query.Status.Phase, "", "phase of what was created")
	query.Status.Phase = "running"
	t.Must(on.Status().Update(t, query), "update the status")
	controllerutil.AddFinalizer(query, finalizer)
	query.Status.Phase = "error"
	t.Must(on.Update(t, query), "update")
	t.Equal(query.Status.Phase, "running", "phase after an update")
	t.Equal(query.Finalizers, []string{finalizer}, "finalizers")
	t.Equal(query.Generation, 1, "generation")
}

func wholeStatus(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	version := query.ResourceVersion
	query.Spec.Input, query.Labels = "Something else", map[string]string{"a": "b"}
	query.Status.Phase = "running"
	meta.SetStatusCondition(&query.Status.Conditions, metav1.Condition{Type: "Completed", Status: metav1.ConditionFalse, Reason: "Running"})
	t.Must(on.Status().Update(t, query), "update the status")
	t.Equal(query.Spec.Input, "Will it rain?", "input")
	t.Equal(len(query.Labels), 0, "labels")
	t.Equal(query.Generation, 1, "generation")
	t.True(query.ResourceVersion != version, "the resourceVersion is the old one")
	same := query.ResourceVersion
	t.Must(on.Status().Update(t, query), "update the status again")
	t.Equal(query.ResourceVersion, same, "resourceVersion of a write that changes nothing")
}

func durations(t *rule.T) {
	on := direct(t)
	for text, generation := range map[string]int64{"5m": 2, "5m0s": 1} {
		raw := rule.NewQuery(t.Namespace, "query-"+text)
		t.Must(unstructured.SetNestedField(raw.Object, text, "spec", "timeout"), "set the timeout")
		t.Must(on.Create(t, raw), "create")
		query := &Query{}
		t.Must(on.Get(t, key(t, raw.GetName()), query), "get")
		controllerutil.AddFinalizer(query, finalizer)
		t.Must(on.Update(t, query), "add a finalizer")
		t.Equal(query.Generation, generation, "generation of a query with the timeout "+text)
	}
}

func existingChild(t *rule.T) {
	on := direct(t)
	t.Must(on.Create(t, newAgent(t, "one", "default")), "create")
	err := on.Create(t, newAgent(t, "one", "default"))
	t.True(apierrors.IsAlreadyExists(err), "create: %v", err)
	t.True(apierrors.IsNotFound(on.Delete(t, newAgent(t, "two", "default"))), "a delete of what is not there")
}

func plainOwner(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create the owner")
	agent := newAgent(t, "child", "default")
	t.Must(controllerutil.SetOwnerReference(query, agent, known), "set the owner")
	t.Must(on.Create(t, agent), "create the child")
	t.True(agent.OwnerReferences[0].Controller == nil, "the owner is a controller")
	t.Must(on.Delete(t, query, client.PropagationPolicy(metav1.DeletePropagationBackground)), "delete the owner")
	t.Eventually(func() bool { return apierrors.IsNotFound(on.Get(t, key(t, "child"), &Agent{})) }, "the child is gone")
}

func newEvent(t *rule.T, name string) *corev1.Event {
	now := metav1.Now()
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: name, Annotations: map[string]string{"ark.mckinsey.com/event-data": "{}"}},
		InvolvedObject: corev1.ObjectReference{APIVersion: rule.Ark.String(), Kind: "Query", Namespace: t.Namespace, Name: "one",
			ResourceVersion: "1"},
		Reason: "QueryExecutionStart", Type: corev1.EventTypeNormal, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: "query-controller"},
	}
}

func eventTwice(t *rule.T) {
	on := direct(t)
	t.Must(on.Create(t, newEvent(t, "one.17a2b3c4d5e6f708")), "create")
	err := on.Create(t, newEvent(t, "one.17a2b3c4d5e6f708"))
	t.True(apierrors.IsAlreadyExists(err), "the second create: %v", err)
}

func eventSeries(t *rule.T) {
	on, event := direct(t), newEvent(t, "one.1")
	t.Must(on.Create(t, event), "create")
	before := event.DeepCopy()
	event.Count, event.Message = 2, "again"
	event.LastTimestamp = metav1.NewTime(event.LastTimestamp.Add(time.Second))
	t.Must(on.Patch(t, event, client.StrategicMergeFrom(before)), "patch")
	t.Equal(event.Count, 2, "count")
	t.Equal(event.Message, "again", "message")
}

func timeToLive(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	uid := query.UID
	t.Must(on.Delete(t, query, client.Preconditions{UID: &uid}), "delete by uid")
	t.True(apierrors.IsNotFound(on.Get(t, key(t, "one"), query)), "it is still there")
}

func approvals(t *rule.T) {
	on := direct(t)
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	results := make(chan error)
	for range 4 {
		go func() {
			results <- retry.RetryOnConflict(retry.DefaultBackoff, func() error {
				query := &Query{}
				if err := on.Get(t, key(t, "one"), query); err != nil {
					return err
				}
				query.Annotations = map[string]string{"approvals": query.Annotations["approvals"] + "x"}
				return on.Update(t, query)
			})
		}()
	}
	done := ""
	for range 4 {
		if err := <-results; err == nil {
			done += "x"
		} else {
			t.True(apierrors.IsConflict(err), "update: %v", err)
		}
	}
	query := &Query{}
	t.Must(on.Get(t, key(t, "one"), query), "get")
	t.Equal(query.Annotations["approvals"], done, "approvals")
}

func impersonation(t *rule.T) {
	t.Must(direct(t).Create(t, newQuery(t, "one")), "create")
	config := rest.CopyConfig(rule.Config(t))
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + t.Namespace + ":default"}
	on := rule.Get[client.Client](t, "make a client")(client.New(config, client.Options{Scheme: known}))
	err := on.Get(t, key(t, "one"), &Query{})
	t.True(apierrors.IsForbidden(err), "a get by an account that may nothing: %v", err)
}

func selection(t *rule.T) {
	on := direct(t)
	for name, team := range map[string]string{"one": "a", "two": "b", "three": ""} {
		query := newQuery(t, name)
		if team != "" {
			query.Labels = map[string]string{"team": team}
		}
		t.Must(on.Create(t, query), "create")
	}
	for _, one := range []struct {
		expression metav1.LabelSelectorRequirement
		count      int
	}{
		{metav1.LabelSelectorRequirement{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"a", "b"}}, 2},
		{metav1.LabelSelectorRequirement{Key: "team", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"a"}}, 2},
		{metav1.LabelSelectorRequirement{Key: "team", Operator: metav1.LabelSelectorOpExists}, 2},
		{metav1.LabelSelectorRequirement{Key: "team", Operator: metav1.LabelSelectorOpDoesNotExist}, 1},
	} {
		selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{one.expression}})
		t.Must(err, "make a selector")
		found := &QueryList{}
		t.Must(on.List(t, found, client.InNamespace(t.Namespace), client.MatchingLabelsSelector{Selector: selector}), "list")
		t.Equal(len(found.Items), one.count, "queries of "+selector.String())
	}
}

func missing(t *rule.T) {
	on := direct(t)
	t.True(apierrors.IsNotFound(on.Get(t, key(t, "default"), &corev1.ConfigMap{})), "a config map")
	t.True(apierrors.IsNotFound(on.Get(t, key(t, "default"), &Agent{})), "an agent")
	unknown := &unstructured.Unstructured{}
	unknown.SetGroupVersionKind(rule.Ark.WithKind("Nothing"))
	t.True(meta.IsNoMatchError(on.Get(t, key(t, "default"), unknown)), "a kind")
}
