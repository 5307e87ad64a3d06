package main

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	configv1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"ark-apiserver/tests/clients/rule"
)

var writingRules = rule.Rules{
	"create_or_update_tells_what_it_did":               createOrUpdate,
	"create_or_patch_writes_spec_and_status":           createOrPatch,
	"a_merge_patch_with_a_lock_conflicts":              lockedPatch,
	"an_apply_of_an_object_owns_its_fields":            applyObject,
	"an_apply_of_a_configuration_owns_its_fields":      applyConfiguration,
	"an_apply_of_a_status_owns_the_status":             applyStatus,
	"every_object_with_a_label_is_deleted":             deleteAllOf,
	"a_client_in_dry_run_changes_nothing":              dryRunClient,
	"a_strict_client_is_told_of_unknown_fields":        strictClient,
	"a_client_with_a_field_owner_is_named":             fieldOwner,
	"a_scale_is_a_subresource_like_others":             scaleSubresource,
	"a_list_is_narrowed_by_the_server":                 narrowList,
	"metadata_alone_is_read_and_patched":               metadataOnly,
	"a_watch_of_a_list_tells_of_changes":               watchList,
	"secrets_are_written_in_protobuf_and_read_as_sent": protobufSecret,
}

func direct(t *rule.T) client.WithWatch {
	return rule.Get[client.WithWatch](t, "make a client")(
		client.NewWithWatch(rule.Config(t), client.Options{Scheme: known}))
}

func key(t *rule.T, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: t.Namespace, Name: name}
}

func createOrUpdate(t *rule.T) {
	on, agent := direct(t), newAgent(t, "one", "")
	for _, step := range []struct{ model, want string }{
		{"default", "created"}, {"default", "unchanged"}, {"other", "updated"}} {
		did, err := controllerutil.CreateOrUpdate(t, on, agent, func() error {
			agent.Spec.ModelRef = &Named{Name: step.model}
			return nil
		})
		t.Must(err, "create or update")
		t.Equal(string(did), step.want, "what was done for "+step.model)
	}
}

func createOrPatch(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	for _, step := range []struct{ phase, label, want string }{
		{"", "a", "created"}, {"running", "a", "updatedStatusOnly"}, {"running", "b", "updated"},
		{"done", "c", "updatedStatus"}, {"done", "c", "unchanged"}} {
		did, err := controllerutil.CreateOrPatch(t, on, query, func() error {
			query.Labels = map[string]string{"step": step.label}
			query.Status.Phase = step.phase
			return nil
		})
		t.Must(err, "create or patch")
		t.Equal(string(did), step.want, "what was done for "+step.phase+step.label)
	}
	got := &Query{}
	t.Must(on.Get(t, key(t, "one"), got), "get")
	t.Equal(got.Status.Phase+got.Labels["step"], "donec", "phase and label")
	t.Equal(got.Generation, 1, "generation")
}

func lockedPatch(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	old := query.DeepCopyObject().(*Query)
	changed := old.DeepCopyObject().(*Query)
	changed.Status.Phase = "running"
	t.Must(on.Status().Patch(t, changed, client.MergeFrom(old)), "patch the status")
	t.Equal(changed.Status.Phase, "running", "phase")
	late := old.DeepCopyObject().(*Query)
	late.Status.Phase = "done"
	err := on.Status().Patch(t, late, client.MergeFromWithOptions(old, client.MergeFromWithOptimisticLock{}))
	t.True(apierrors.IsConflict(err), "a patch of an old version: %v", err)
}

func agentOf(t *rule.T, spec map[string]any) *unstructured.Unstructured {
	return rule.Object(rule.Agent, t.Namespace, "one", spec)
}

func applyObject(t *rule.T) {
	on := direct(t)
	first := client.ApplyConfigurationFromUnstructured(agentOf(t, map[string]any{"prompt": "a", "description": "b"}))
	t.Must(on.Apply(t, first, client.FieldOwner("first")), "apply as the first")
	second := client.ApplyConfigurationFromUnstructured(agentOf(t, map[string]any{"prompt": "c"}))
	err := on.Apply(t, second, client.FieldOwner("second"))
	t.True(apierrors.IsConflict(err), "apply as the second: %v", err)
	forced := agentOf(t, map[string]any{"prompt": "c"})
	t.Must(on.Apply(t, client.ApplyConfigurationFromUnstructured(forced), client.FieldOwner("second"), client.ForceOwnership),
		"apply as the second with force")
	t.Equal(rule.Member(forced, "spec"), map[string]any{"prompt": "c", "description": "b"}, "spec that comes back")
}

func applyConfiguration(t *rule.T) {
	on := direct(t)
	wanted := configv1.ConfigMap("one", t.Namespace).WithData(map[string]string{"a": "1"})
	t.Must(on.Apply(t, wanted, client.FieldOwner("tests")), "apply")
	t.True(wanted.UID != nil && *wanted.UID != "", "no uid came back")
	again := configv1.ConfigMap("one", t.Namespace).WithData(map[string]string{"b": "2"})
	t.Must(on.Apply(t, again, client.FieldOwner("tests")), "apply again")
	got := &corev1.ConfigMap{}
	t.Must(on.Get(t, key(t, "one"), got), "get")
	t.Equal(got.Data, map[string]string{"b": "2"}, "data")
}

func applyStatus(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	status := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"phase": "running"}}}
	status.SetGroupVersionKind(rule.Query)
	status.SetNamespace(t.Namespace)
	status.SetName("one")
	t.Must(on.Status().Apply(t, client.ApplyConfigurationFromUnstructured(status), client.FieldOwner("tests")), "apply the status")
	got := &Query{}
	t.Must(on.Get(t, key(t, "one"), got), "get")
	t.Equal(got.Status.Phase, "running", "phase")
	entry := got.ManagedFields[len(got.ManagedFields)-1]
	for _, one := range got.ManagedFields {
		if one.Manager == "tests" {
			entry = one
		}
	}
	t.Equal(entry.Subresource+" "+string(entry.Operation), "status Apply", "entry of managedFields")
}

func deleteAllOf(t *rule.T) {
	on := direct(t)
	for name, label := range map[string]string{"one": "a", "two": "a", "three": "b"} {
		agent := newAgent(t, name, "default")
		agent.Labels = map[string]string{"server": label}
		t.Must(on.Create(t, agent), "create")
	}
	t.Must(on.DeleteAllOf(t, &Agent{}, client.InNamespace(t.Namespace), client.MatchingLabels{"server": "a"}), "delete")
	left := &AgentList{}
	t.Must(on.List(t, left, client.InNamespace(t.Namespace)), "list")
	t.Equal(len(left.Items), 1, "objects left")
}

func dryRunClient(t *rule.T) {
	on := direct(t)
	t.Must(client.NewDryRunClient(on).Create(t, newQuery(t, "one")), "create in a dry run")
	t.True(apierrors.IsNotFound(on.Get(t, key(t, "one"), &Query{})), "it is there")
	query := newQuery(t, "two")
	t.Must(on.Create(t, query), "create")
	query.Status.Phase = "done"
	t.Must(client.NewDryRunClient(on).Status().Update(t, query), "update the status in a dry run")
	got := &Query{}
	t.Must(on.Get(t, key(t, "two"), got), "get")
	t.Equal(got.Status.Phase, "", "phase")
}

func strictClient(t *rule.T) {
	query := rule.NewQuery(t.Namespace, "one")
	query.Object["spec"].(map[string]any)["colour"] = "red"
	strict := client.WithFieldValidation(direct(t), metav1.FieldValidationStrict)
	err := strict.Create(t, query)
	t.True(apierrors.IsBadRequest(err), "create: %v", err)
}

func fieldOwner(t *rule.T) {
	query := newQuery(t, "one")
	t.Must(client.WithFieldOwner(direct(t), "my-controller").Create(t, query), "create")
	t.Equal(len(query.ManagedFields), 1, "managers")
	t.Equal(query.ManagedFields[0].Manager, "my-controller", "manager")
}

func scaleSubresource(t *rule.T) {
	on, widget := direct(t), rule.NewWidget(t.Namespace, "one")
	t.Must(on.Create(t, widget), "create")
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
	t.Must(on.SubResource("scale").Get(t, widget, found), "get the scale")
	t.Equal(rule.Member(found, "spec", "replicas"), 2, "replicas")
	t.Must(unstructured.SetNestedField(found.Object, int64(4), "spec", "replicas"), "set the replicas")
	t.Must(on.SubResource("scale").Update(t, widget, client.WithSubResourceBody(found)), "update the scale")
	t.Must(on.Get(t, key(t, "one"), widget), "get")
	t.Equal(rule.Member(widget, "spec", "replicas"), 4, "replicas of the widget")
}

func narrowList(t *rule.T) {
	on := direct(t)
	for _, name := range []string{"one", "two", "three"} {
		t.Must(on.Create(t, newQuery(t, name)), "create")
	}
	list := &QueryList{}
	t.Must(on.List(t, list, client.InNamespace(t.Namespace), client.MatchingFields{"metadata.name": "two"}), "list by name")
	t.Equal(len(list.Items), 1, "objects of the name")
	t.Must(on.List(t, list, client.InNamespace(t.Namespace), client.Limit(2)), "list a page")
	t.Equal(len(list.Items), 2, "objects of a page")
	t.Must(on.List(t, list, client.InNamespace(t.Namespace), client.Limit(2), client.Continue(list.Continue)), "list on")
	t.Equal(len(list.Items), 1, "objects of the last page")
}

func metadataOnly(t *rule.T) {
	on := direct(t)
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(rule.Query)
	t.Must(on.Get(t, key(t, "one"), found), "get")
	before := found.DeepCopy()
	found.Annotations = map[string]string{"a": "b"}
	t.Must(on.Patch(t, found, client.MergeFrom(before)), "patch")
	t.Equal(found.Annotations, map[string]string{"a": "b"}, "annotations")
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(rule.Ark.WithKind("QueryList"))
	t.Must(on.List(t, list, client.InNamespace(t.Namespace)), "list")
	t.Equal(len(list.Items), 1, "objects")
}

func watchList(t *rule.T) {
	on := direct(t)
	watcher, err := on.Watch(t, &QueryList{}, client.InNamespace(t.Namespace))
	t.Must(err, "watch")
	defer watcher.Stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	event := <-watcher.ResultChan()
	query, right := event.Object.(*Query)
	t.True(right, "%T is no query", event.Object)
	t.Equal(query.Name, "one", "name")
}

func protobufSecret(t *rule.T) {
	on := direct(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: "one"}, Data: map[string][]byte{"a": {0, 255}}}
	t.Must(on.Create(t, secret), "create")
	t.Equal(string(secret.Type), "Opaque", "type")
	secret.Data["b"] = []byte{1}
	t.Must(on.Update(t, secret), "update")
	got := &corev1.Secret{}
	t.Must(on.Get(t, key(t, "one"), got), "get")
	t.Equal(got.Data, map[string][]byte{"a": {0, 255}, "b": {1}}, "data")
}
