package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	configv1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"

	"ark-apiserver/tests/clients/rule"
)

var applyRules = rule.Rules{
	"a_typed_apply_makes_and_changes_an_object":     applyTyped,
	"what_one_owns_can_be_taken_out_and_sent_again": applyExtract,
	"a_field_of_another_manager_is_a_conflict":      applyConflict,
	"a_forced_apply_takes_the_field":                applyForce,
	"what_is_left_out_of_an_apply_goes":             applyPrune,
	"an_apply_that_changes_nothing_writes_nothing":  applyNothing,
	"a_status_is_applied_apart":                     applyStatus,
	"items_of_a_list_by_keys_have_their_own_owners": applyListMap,
	"fields_of_a_client_side_apply_are_taken_over":  applyUpgrade,
	"an_apply_makes_no_object_without_a_manager":    applyAnonymous,
}

func applyTyped(t *rule.T) {
	maps := typed(t).CoreV1().ConfigMaps(t.Namespace)
	wanted := configv1.ConfigMap("one", t.Namespace).WithLabels(map[string]string{"a": "b"}).WithData(map[string]string{"x": "1"})
	made, err := maps.Apply(t, wanted, metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply")
	t.Equal(made.Data, map[string]string{"x": "1"}, "data")
	changed, err := maps.Apply(t, wanted.WithData(map[string]string{"y": "2"}), metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply again")
	t.Equal(changed.Data, map[string]string{"x": "1", "y": "2"}, "data")
	t.Equal(changed.UID, made.UID, "uid")
	secret := configv1.Secret("one", t.Namespace).WithStringData(map[string]string{"token": "abc"})
	kept, err := typed(t).CoreV1().Secrets(t.Namespace).Apply(t, secret, metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply a secret")
	t.Equal(string(kept.Data["token"]), "abc", "token")
}

func applyExtract(t *rule.T) {
	maps := typed(t).CoreV1().ConfigMaps(t.Namespace)
	wanted := configv1.ConfigMap("one", t.Namespace).WithData(map[string]string{"mine": "1"})
	_, err := maps.Apply(t, wanted, metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply")
	live, err := maps.Patch(t, "one", types.MergePatchType, []byte(`{"data":{"theirs":"2"}}`), metav1.PatchOptions{})
	t.Must(err, "patch")
	mine, err := configv1.ExtractConfigMap(live, "tests")
	t.Must(err, "extract")
	t.Equal(mine.Data, map[string]string{"mine": "1"}, "what is mine")
	applied, err := maps.Apply(t, mine.WithData(map[string]string{"mine": "3"}), metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply what was extracted")
	t.Equal(applied.Data, map[string]string{"mine": "3", "theirs": "2"}, "data")
}

func apply(t *rule.T, on dynamic.ResourceInterface, manager string, object *unstructured.Unstructured) *unstructured.Unstructured {
	applied, err := on.Apply(t, object.GetName(), object, metav1.ApplyOptions{FieldManager: manager})
	t.Must(err, "apply as "+manager)
	return applied
}

func prompting(t *rule.T, spec map[string]any) *unstructured.Unstructured {
	return rule.Object(rule.Agent, t.Namespace, "one", spec)
}

func applyConflict(t *rule.T) {
	agents := client(t, rule.Agents)
	apply(t, agents, "first", prompting(t, map[string]any{"prompt": "a", "description": "b"}))
	_, err := agents.Apply(t, "one", prompting(t, map[string]any{"prompt": "c"}), metav1.ApplyOptions{FieldManager: "second"})
	t.True(apierrors.IsConflict(err), "apply as another: %v", err)
	cause, found := apierrors.StatusCause(err, metav1.CauseTypeFieldManagerConflict)
	t.True(found, "no cause in %v", err)
	t.Equal(cause.Field, ".spec.prompt", "field")
	t.True(strings.Contains(cause.Message, `conflict with "first"`), "message: %s", cause.Message)
	shared := apply(t, agents, "second", prompting(t, map[string]any{"prompt": "a"}))
	t.Equal(len(shared.GetManagedFields()), 2, "managers of a value that both want")
}

func applyForce(t *rule.T) {
	agents := client(t, rule.Agents)
	apply(t, agents, "first", prompting(t, map[string]any{"prompt": "a", "description": "b"}))
	force := metav1.ApplyOptions{FieldManager: "second", Force: true}
	forced, err := agents.Apply(t, "one", prompting(t, map[string]any{"prompt": "c"}), force)
	t.Must(err, "apply with force")
	t.Equal(rule.Member(forced, "spec", "prompt"), "c", "prompt")
	left := apply(t, agents, "first", prompting(t, map[string]any{}))
	t.Equal(rule.Member(left, "spec"), map[string]any{"prompt": "c"}, "spec after the first let go")
}

func applyPrune(t *rule.T) {
	agents := client(t, rule.Agents)
	apply(t, agents, "tests", prompting(t, map[string]any{"prompt": "a", "description": "b"}))
	_, err := agents.Patch(t, "one", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{})
	t.Must(err, "patch")
	left := apply(t, agents, "tests", prompting(t, map[string]any{"prompt": "a"}))
	t.Equal(rule.Member(left, "spec", "description"), nil, "description")
	t.Equal(left.GetLabels(), map[string]string{"x": "y"}, "labels, which are somebody else's")
}

func applyNothing(t *rule.T) {
	agents := client(t, rule.Agents)
	first := apply(t, agents, "tests", prompting(t, map[string]any{"prompt": "a"}))
	again := apply(t, agents, "tests", prompting(t, map[string]any{"prompt": "a"}))
	t.Equal(again.GetResourceVersion(), first.GetResourceVersion(), "resourceVersion")
	t.Equal(again.GetManagedFields()[0].Time, first.GetManagedFields()[0].Time, "time")
}

func applyStatus(t *rule.T) {
	queries := client(t, rule.Queries)
	apply(t, queries, "tests", rule.NewQuery(t.Namespace, "one"))
	status := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"phase": "running"}}}
	status.SetGroupVersionKind(rule.Query)
	status.SetName("one")
	applied, err := queries.ApplyStatus(t, "one", status, metav1.ApplyOptions{FieldManager: "controller"})
	t.Must(err, "apply the status")
	t.Equal(rule.Member(applied, "status", "phase"), "running", "phase")
	t.Equal(rule.Member(applied, "spec", "input"), "Will it rain?", "input")
	entries := map[string]string{}
	for _, entry := range applied.GetManagedFields() {
		entries[entry.Manager] = string(entry.Operation) + " " + entry.Subresource
	}
	t.Equal(entries, map[string]string{"tests": "Apply ", "controller": "Apply status"}, "managers")
}

func applyListMap(t *rule.T) {
	widgets := client(t, rule.Widgets)
	port := func(name string, number int64) *unstructured.Unstructured {
		return rule.Object(rule.Widget, t.Namespace, "one", map[string]any{"color": "red",
			"ports": []any{map[string]any{"name": name, "protocol": "TCP", "port": number}}})
	}
	apply(t, widgets, "first", port("http", 80))
	both := apply(t, widgets, "second", port("https", 443))
	t.Equal(len(rule.Member(both, "spec", "ports").([]any)), 2, "ports")
	moved := apply(t, widgets, "second", port("metrics", 9090))
	t.Equal(rule.Member(moved, "spec", "ports"), []any{
		map[string]any{"name": "http", "protocol": "TCP", "port": int64(80)},
		map[string]any{"name": "metrics", "protocol": "TCP", "port": int64(9090)}}, "ports")
}

func applyUpgrade(t *rule.T) {
	maps := typed(t).CoreV1().ConfigMaps(t.Namespace)
	old := &corev1.ConfigMap{ObjectMeta: named("one"), Data: map[string]string{"a": "1", "b": "2"}}
	made, err := maps.Create(t, old, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	t.Must(err, "create")
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(made, sets.New("kubectl-client-side-apply"), "tests")
	t.Must(err, "make the patch")
	upgraded, err := maps.Patch(t, "one", types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: "kubectl"})
	t.Must(err, "patch")
	t.Equal(len(upgraded.ManagedFields), 1, "managers")
	t.Equal(upgraded.ManagedFields[0].Manager, "tests", "manager")
	t.Equal(upgraded.ManagedFields[0].Operation, metav1.ManagedFieldsOperationApply, "operation")
	wanted := configv1.ConfigMap("one", t.Namespace).WithData(map[string]string{"a": "1"})
	applied, err := maps.Apply(t, wanted, metav1.ApplyOptions{FieldManager: "tests"})
	t.Must(err, "apply")
	t.Equal(applied.Data, map[string]string{"a": "1"}, "data")
}

func applyAnonymous(t *rule.T) {
	_, err := client(t, rule.Agents).Patch(t, "one", types.ApplyPatchType,
		[]byte(`{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Agent"}`), metav1.PatchOptions{})
	t.True(apierrors.IsInvalid(err), "apply without a manager: %v", err)
}
