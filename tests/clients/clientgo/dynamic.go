package main

import (
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"ark-apiserver/tests/clients/rule"
)

var dynamicRules = rule.Rules{
	"a_client_that_prefers_cbor_falls_back":                 dynamicFallsBack,
	"the_dynamic_client_reads_what_it_wrote":                dynamicReadsWhatItWrote,
	"the_dynamic_client_patches_in_every_form":              dynamicPatches,
	"an_update_of_status_leaves_the_spec_alone":             dynamicStatus,
	"an_update_of_an_old_version_is_a_conflict":             dynamicConflict,
	"a_name_that_is_taken_already_exists":                   dynamicAlreadyExists,
	"an_invalid_object_tells_every_cause":                   dynamicInvalid,
	"a_collection_is_deleted_by_label":                      dynamicDeleteCollection,
	"an_object_with_a_finalizer_stays_until_it_is_free":     dynamicFinalizer,
	"a_delete_with_a_wrong_uid_is_a_conflict":               dynamicPrecondition,
	"names_are_generated":                                   dynamicGenerateName,
	"a_dry_run_changes_nothing":                             dynamicDryRun,
	"an_unknown_field_is_refused_when_validation_is_strict": dynamicStrict,
}

func client(t *rule.T, resource schema.GroupVersionResource) dynamic.ResourceInterface {
	made := rule.Get[*dynamic.DynamicClient](t, "make a dynamic client")(dynamic.NewForConfig(rule.Config(t)))
	return made.Resource(resource).Namespace(t.Namespace)
}

func create(t *rule.T, on dynamic.ResourceInterface, object *unstructured.Unstructured) *unstructured.Unstructured {
	created, err := on.Create(t, object, metav1.CreateOptions{})
	t.Must(err, "create "+object.GetName())
	return created
}

func dynamicReadsWhatItWrote(t *rule.T) {
	queries := client(t, rule.Queries)
	created := create(t, queries, rule.NewQuery(t.Namespace, "one"))
	got, err := queries.Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get")
	t.Equal(got.Object, created.Object, "what a get finds")
	listed, err := queries.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	t.Equal(len(listed.Items), 1, "objects listed")
	t.Equal(listed.Items[0].Object, created.Object, "what a list finds")
	t.Must(queries.Delete(t, "one", metav1.DeleteOptions{}), "delete")
	_, err = queries.Get(t, "one", metav1.GetOptions{})
	t.True(apierrors.IsNotFound(err), "a get after the delete: %v", err)
}

func dynamicPatches(t *rule.T) {
	agents := client(t, rule.Agents)
	create(t, agents, rule.NewAgent(t.Namespace, "one"))
	merge := []byte(`{"metadata":{"labels":{"tier":"front"}},"spec":{"description":null}}`)
	patched, err := agents.Patch(t, "one", types.MergePatchType, merge, metav1.PatchOptions{})
	t.Must(err, "merge patch")
	t.Equal(patched.GetLabels(), map[string]string{"tier": "front"}, "labels")
	t.Equal(rule.Member(patched, "spec", "description"), nil, "description")
	operations := []byte(`[{"op":"test","path":"/spec/prompt","value":"Be brief."},
		{"op":"replace","path":"/spec/prompt","value":"Be kind."}]`)
	patched, err = agents.Patch(t, "one", types.JSONPatchType, operations, metav1.PatchOptions{})
	t.Must(err, "JSON patch")
	t.Equal(rule.Member(patched, "spec", "prompt"), "Be kind.", "prompt")
	_, err = agents.Patch(t, "one", types.JSONPatchType, operations, metav1.PatchOptions{})
	t.True(apierrors.IsInvalid(err), "a test that fails: %v", err)
	_, err = agents.Patch(t, "one", types.StrategicMergePatchType, merge, metav1.PatchOptions{})
	t.True(apierrors.IsUnsupportedMediaType(err), "a strategic merge patch of a custom resource: %v", err)
}

func dynamicStatus(t *rule.T) {
	queries := client(t, rule.Queries)
	created := create(t, queries, rule.NewQuery(t.Namespace, "one"))
	changed := created.DeepCopy()
	changed.Object["status"] = map[string]any{"phase": "running"}
	changed.Object["spec"].(map[string]any)["input"] = "Something else"
	updated, err := queries.UpdateStatus(t, changed, metav1.UpdateOptions{})
	t.Must(err, "update the status")
	t.Equal(rule.Member(updated, "status", "phase"), "running", "phase")
	t.Equal(rule.Member(updated, "spec", "input"), "Will it rain?", "input")
	t.Equal(updated.GetGeneration(), int64(1), "generation")
	changed = updated.DeepCopy()
	changed.Object["status"] = map[string]any{"phase": "done"}
	changed.Object["spec"].(map[string]any)["input"] = "Something else"
	updated, err = queries.Update(t, changed, metav1.UpdateOptions{})
	t.Must(err, "update")
	t.Equal(rule.Member(updated, "status", "phase"), "running", "phase")
	t.Equal(updated.GetGeneration(), int64(2), "generation")
	patched, err := queries.Patch(t, "one", types.MergePatchType, []byte(`{"status":{"phase":"done"}}`),
		metav1.PatchOptions{}, "status")
	t.Must(err, "patch the status")
	t.Equal(rule.Member(patched, "status", "phase"), "done", "phase")
}

func dynamicConflict(t *rule.T) {
	queries := client(t, rule.Queries)
	old := create(t, queries, rule.NewQuery(t.Namespace, "one"))
	fresh := old.DeepCopy()
	fresh.SetLabels(map[string]string{"a": "b"})
	_, err := queries.Update(t, fresh, metav1.UpdateOptions{})
	t.Must(err, "update")
	old.SetLabels(map[string]string{"a": "c"})
	_, err = queries.Update(t, old, metav1.UpdateOptions{})
	t.True(apierrors.IsConflict(err), "an update with an old resourceVersion: %v", err)
	old.SetResourceVersion("")
	_, err = queries.Update(t, old, metav1.UpdateOptions{})
	t.True(apierrors.IsInvalid(err), "an update of a custom resource without a resourceVersion: %v", err)
}

func dynamicAlreadyExists(t *rule.T) {
	queries := client(t, rule.Queries)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	_, err := queries.Create(t, rule.NewQuery(t.Namespace, "one"), metav1.CreateOptions{})
	t.True(apierrors.IsAlreadyExists(err), "the second create: %v", err)
}

func dynamicInvalid(t *rule.T) {
	widget := rule.NewWidget(t.Namespace, "one")
	spec := widget.Object["spec"].(map[string]any)
	spec["color"], spec["size"] = "pink", int64(11)
	_, err := client(t, rule.Widgets).Create(t, widget, metav1.CreateOptions{})
	t.True(apierrors.IsInvalid(err), "create: %v", err)
	for cause, field := range map[metav1.CauseType]string{
		metav1.CauseTypeFieldValueNotSupported: "spec.color", metav1.CauseTypeFieldValueInvalid: "spec.size",
	} {
		found, has := apierrors.StatusCause(err, cause)
		t.True(has, "no cause %s in %v", cause, err)
		t.Equal(found.Field, field, "field")
	}
}

func dynamicDeleteCollection(t *rule.T) {
	queries := client(t, rule.Queries)
	for name, team := range map[string]string{"one": "a", "two": "a", "three": "b"} {
		query := rule.NewQuery(t.Namespace, name)
		query.SetLabels(map[string]string{"team": team})
		create(t, queries, query)
	}
	t.Must(queries.DeleteCollection(t, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "team in (a, c)"}),
		"delete the collection")
	left, err := queries.List(t, metav1.ListOptions{})
	t.Must(err, "list")
	t.Equal(len(left.Items), 1, "objects left")
	t.Equal(left.Items[0].GetName(), "three", "the object left")
}

func dynamicFinalizer(t *rule.T) {
	queries := client(t, rule.Queries)
	query := rule.NewQuery(t.Namespace, "one")
	query.SetFinalizers([]string{"example.com/wait"})
	create(t, queries, query)
	t.Must(queries.Delete(t, "one", metav1.DeleteOptions{}), "delete")
	going, err := queries.Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get")
	t.True(going.GetDeletionTimestamp() != nil, "no deletionTimestamp")
	t.Equal(going.GetGeneration(), int64(2), "generation")
	free, err := json.Marshal([]map[string]any{{"op": "remove", "path": "/metadata/finalizers"}})
	t.Must(err, "encode")
	_, err = queries.Patch(t, "one", types.JSONPatchType, free, metav1.PatchOptions{})
	t.Must(err, "take the finalizer off")
	_, err = queries.Get(t, "one", metav1.GetOptions{})
	t.True(apierrors.IsNotFound(err), "a get after that: %v", err)
}

func dynamicPrecondition(t *rule.T) {
	queries := client(t, rule.Queries)
	created := create(t, queries, rule.NewQuery(t.Namespace, "one"))
	other := types.UID("00000000-0000-0000-0000-000000000000")
	err := queries.Delete(t, "one", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
	t.True(apierrors.IsConflict(err), "a delete of another uid: %v", err)
	uid, version := created.GetUID(), created.GetResourceVersion()
	own := &metav1.Preconditions{UID: &uid, ResourceVersion: &version}
	t.Must(queries.Delete(t, "one", metav1.DeleteOptions{Preconditions: own}), "a delete of this one")
}

func dynamicGenerateName(t *rule.T) {
	query := rule.NewQuery(t.Namespace, "")
	query.SetGenerateName("weather-")
	names := map[string]bool{}
	for range 3 {
		names[create(t, client(t, rule.Queries), query.DeepCopy()).GetName()] = true
	}
	t.Equal(len(names), 3, "different names")
	for name := range names {
		t.Equal(len(name), len("weather-")+5, "length of "+name)
	}
}

func dynamicDryRun(t *rule.T) {
	queries := client(t, rule.Queries)
	all := []string{metav1.DryRunAll}
	made, err := queries.Create(t, rule.NewQuery(t.Namespace, "one"), metav1.CreateOptions{DryRun: all})
	t.Must(err, "create in a dry run")
	t.True(made.GetUID() != "", "no uid in what a dry run answers")
	_, err = queries.Get(t, "one", metav1.GetOptions{})
	t.True(apierrors.IsNotFound(err), "a get after that: %v", err)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	t.Must(queries.Delete(t, "one", metav1.DeleteOptions{DryRun: all}), "delete in a dry run")
	_, err = queries.Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get")
}

func dynamicStrict(t *rule.T) {
	query := rule.NewQuery(t.Namespace, "one")
	query.Object["spec"].(map[string]any)["colour"] = "red"
	strict := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	_, err := client(t, rule.Queries).Create(t, query, strict)
	t.True(apierrors.IsBadRequest(err), "create: %v", err)
	made, err := client(t, rule.Queries).Create(t, query, metav1.CreateOptions{})
	t.Must(err, "create without strict validation")
	t.Equal(rule.Member(made, "spec", "colour"), nil, "the unknown field")
}

func dynamicFallsBack(t *rule.T) {
	queries := client(t, rule.Queries)
	_, err := queries.Create(t, rule.NewQuery(t.Namespace, "one"), metav1.CreateOptions{})
	t.True(apierrors.IsUnsupportedMediaType(err), "a create in CBOR: %v", err)
	create(t, queries, rule.NewQuery(t.Namespace, "one"))
	_, err = queries.List(t, metav1.ListOptions{})
	t.Must(err, "list")
}
