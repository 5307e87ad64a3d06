package main

import (
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	v1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ark-apiserver/tests/clients/rule"
)

const owner = "kustomize-controller"

var fluxRules = rule.Rules{
	"a_set_is_applied_in_stages":                   stages,
	"what_has_not_drifted_is_left_alone":           unchanged,
	"drift_is_found_and_put_right":                 drift,
	"a_difference_hides_secrets":                   masked,
	"fields_of_others_are_left_alone":              others,
	"an_ignored_field_may_drift":                   ignored,
	"fields_of_kubectl_are_taken_over":             takenOver,
	"a_whole_set_is_awaited":                       awaited,
	"a_set_that_does_not_get_ready_is_told":        notReady,
	"a_set_is_deleted_and_its_end_awaited":         deleted,
	"objects_of_another_owner_are_not_deleted":     excluded,
	"an_object_that_is_refused_says_why":           refused,
	"a_definition_is_applied_before_its_objects":   definitionFirst,
	"a_difference_is_a_json_patch":                 jsonPatch,
	"an_immutable_object_is_made_anew_by_force":    immutable,
	"what_is_there_already_is_kept_where_asked_to": ifNotPresent,
}

func on(t *rule.T) client.Client {
	return rule.Get[client.Client](t, "make a client")(client.New(rule.Config(t), client.Options{}))
}

func manager(t *rule.T) *ssa.ResourceManager {
	made := on(t)
	poller := polling.NewStatusPoller(made, made.RESTMapper(), polling.Options{})
	return ssa.NewResourceManager(made, poller, ssa.Owner{Field: owner, Group: "kustomize.toolkit.fluxcd.io"})
}

func configMap(namespace, name, value string) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"key": value}}}
	made.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	made.SetNamespace(namespace)
	made.SetName(name)
	return made
}

func secret(namespace, name, value string) *unstructured.Unstructured {
	made := configMap(namespace, name, "")
	made.SetKind("Secret")
	made.Object["data"], made.Object["stringData"] = nil, map[string]any{"token": value}
	return made
}

func newNamespace(name string) *unstructured.Unstructured {
	made := &unstructured.Unstructured{}
	made.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	made.SetName(name)
	return made
}

func applyAll(t *rule.T, with *ssa.ResourceManager, objects ...*unstructured.Unstructured) map[string]string {
	made, err := with.ApplyAllStaged(t, objects, fast())
	t.Must(err, "apply all")
	return actions(made)
}

func fast() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.WaitInterval = 100 * time.Millisecond
	return options
}

func actions(of *ssa.ChangeSet) map[string]string {
	found := map[string]string{}
	for _, entry := range of.Entries {
		kind, name, _ := strings.Cut(entry.Subject, "/")
		found[kind+" "+name[strings.LastIndex(name, "/")+1:]] = string(entry.Action)
	}
	return found
}

func get(t *rule.T, like *unstructured.Unstructured) *unstructured.Unstructured {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(like.GroupVersionKind())
	t.Must(on(t).Get(t, client.ObjectKeyFromObject(like), found), "get "+like.GetName())
	return found
}

func stages(t *rule.T) {
	with, name := manager(t), t.Namespace+"-flux"
	did := applyAll(t, with, configMap(name, "one", "a"), rule.NewAgent(name, "weather"), newNamespace(name), rule.NewQuery(name, "ask"))
	t.Equal(did, map[string]string{"Namespace " + name: "created", "ConfigMap one": "created", "Agent weather": "created",
		"Query ask": "created"}, "what was done")
}

func unchanged(t *rule.T) {
	with := manager(t)
	set := func() []*unstructured.Unstructured {
		return []*unstructured.Unstructured{configMap(t.Namespace, "one", "a"), rule.NewAgent(t.Namespace, "weather"),
			rule.NewWidget(t.Namespace, "thing"), secret(t.Namespace, "token", "abc")}
	}
	applyAll(t, with, set()...)
	before := get(t, set()[2]).GetResourceVersion()
	did := applyAll(t, with, set()...)
	t.Equal(did, map[string]string{"ConfigMap one": "unchanged", "Agent weather": "unchanged", "Widget thing": "unchanged",
		"Secret token": "unchanged"}, "what was done")
	t.Equal(get(t, set()[2]).GetResourceVersion(), before, "resourceVersion")
}

func drift(t *rule.T) {
	with, wanted := manager(t), rule.NewAgent(t.Namespace, "weather")
	applyAll(t, with, wanted.DeepCopy())
	live := get(t, wanted)
	t.Must(unstructured.SetNestedField(live.Object, "Be rude.", "spec", "prompt"), "set the prompt")
	t.Must(on(t).Update(t, live, client.FieldOwner("somebody")), "update")
	entry, before, after, err := with.Diff(t, wanted.DeepCopy(), ssa.DefaultDiffOptions())
	t.Must(err, "diff")
	t.Equal(string(entry.Action), "configured", "action of the difference")
	t.Equal(rule.Member(before, "spec", "prompt"), "Be rude.", "prompt before")
	t.Equal(rule.Member(after, "spec", "prompt"), "Be brief.", "prompt after")
	t.Equal(applyAll(t, with, wanted.DeepCopy()), map[string]string{"Agent weather": "configured"}, "what was done")
	t.Equal(rule.Member(get(t, wanted), "spec", "prompt"), "Be brief.", "prompt")
}

func masked(t *rule.T) {
	with := manager(t)
	applyAll(t, with, secret(t.Namespace, "token", "abc"))
	_, before, after, err := with.Diff(t, secret(t.Namespace, "token", "def"), ssa.DefaultDiffOptions())
	t.Must(err, "diff")
	for _, one := range []*unstructured.Unstructured{before, after} {
		t.True(strings.Contains(rule.Member(one, "data", "token").(string), "*"), "the token is %v", rule.Member(one, "data", "token"))
	}
}

func others(t *rule.T) {
	with, wanted := manager(t), configMap(t.Namespace, "one", "a")
	applyAll(t, with, wanted.DeepCopy())
	theirs := configMap(t.Namespace, "one", "a")
	theirs.Object["data"] = map[string]any{"theirs": "1"}
	t.Must(on(t).Apply(t, client.ApplyConfigurationFromUnstructured(theirs), client.FieldOwner("somebody")), "apply as somebody else")
	t.Equal(applyAll(t, with, wanted.DeepCopy()), map[string]string{"ConfigMap one": "unchanged"}, "what was done")
	t.Equal(rule.Member(get(t, wanted), "data"), map[string]any{"key": "a", "theirs": "1"}, "data")
}

func ignored(t *rule.T) {
	with, wanted := manager(t), rule.NewWidget(t.Namespace, "thing")
	applyAll(t, with, wanted.DeepCopy())
	scaled := rule.Object(rule.Widget, t.Namespace, "thing", map[string]any{"color": "red", "replicas": int64(7)})
	t.Must(on(t).Apply(t, client.ApplyConfigurationFromUnstructured(scaled), client.FieldOwner("scaler"), client.ForceOwnership), "scale")
	options := fast()
	options.DriftIgnoreRules = []jsondiff.IgnoreRule{{Paths: []string{"/spec/replicas"}}}
	entry, err := with.Apply(t, wanted.DeepCopy(), options)
	t.Must(err, "apply")
	t.Equal(rule.Member(get(t, wanted), "spec", "replicas"), 7, "replicas after "+string(entry.Action))
}

func takenOver(t *rule.T) {
	with, wanted := manager(t), configMap(t.Namespace, "one", "a")
	byHand := wanted.DeepCopy()
	byHand.Object["data"] = map[string]any{"key": "a", "old": "b"}
	byHand.SetAnnotations(map[string]string{corev1.LastAppliedConfigAnnotation: "{}"})
	t.Must(on(t).Create(t, byHand, client.FieldOwner("kubectl-client-side-apply")), "create")
	options := fast()
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: v1.ManagedFieldsOperationUpdate},
			{Name: "kubectl", OperationType: v1.ManagedFieldsOperationApply},
		},
	}
	made, err := with.ApplyAll(t, []*unstructured.Unstructured{wanted.DeepCopy()}, options)
	t.Must(err, "apply")
	t.Equal(actions(made), map[string]string{"ConfigMap one": "configured"}, "what was done")
	live := get(t, wanted)
	t.Equal(rule.Member(live, "data"), map[string]any{"key": "a"}, "data")
	t.Equal(len(live.GetAnnotations()), 0, "annotations")
	t.Equal(len(live.GetManagedFields()), 1, "managers")
	t.Equal(live.GetManagedFields()[0].Manager, owner, "manager")
}

func patient(seconds int) ssa.WaitOptions {
	options := ssa.DefaultWaitOptions()
	options.Interval, options.Timeout, options.FailFast = 100*time.Millisecond, time.Duration(seconds)*time.Second, true
	return options
}

// ready sets the status by which others tell that an object is ready.
func ready(t *rule.T, object *unstructured.Unstructured, phase, status string) {
	live := get(t, object)
	live.Object["status"] = map[string]any{"phase": phase, "conditions": []any{
		map[string]any{"type": "Ready", "status": status, "reason": "Tried"}}}
	t.Must(on(t).Status().Update(t, live), "set the status")
}

func awaited(t *rule.T) {
	with, thing := manager(t), rule.NewWidget(t.Namespace, "thing")
	set := []*unstructured.Unstructured{newNamespace(t.Namespace + "-awaited"), configMap(t.Namespace, "one", "a"), thing}
	applyAll(t, with, set...)
	ready(t, thing, "New", "False")
	go func() {
		time.Sleep(500 * time.Millisecond)
		ready(t, thing, "Ready", "True")
	}()
	t.Must(with.Wait(set, patient(20)), "wait")
	t.Equal(rule.Member(get(t, thing), "status", "phase"), "Ready", "phase")
}

func notReady(t *rule.T) {
	with, thing := manager(t), rule.NewWidget(t.Namespace, "thing")
	applyAll(t, with, thing)
	ready(t, thing, "New", "False")
	err := with.Wait([]*unstructured.Unstructured{thing}, patient(1))
	t.True(err != nil && strings.Contains(err.Error(), "InProgress"), "wait: %v", err)
}

func deleted(t *rule.T) {
	with, name := manager(t), t.Namespace+"-deleted"
	set := []*unstructured.Unstructured{newNamespace(name), configMap(name, "one", "a"), rule.NewAgent(name, "weather")}
	applyAll(t, with, set...)
	made, err := with.DeleteAll(t, set, ssa.DefaultDeleteOptions())
	t.Must(err, "delete all")
	t.Equal(len(made.Entries), 3, "entries")
	t.Must(with.WaitForTermination(set, patient(30)), "wait for the end")
	err = on(t).Get(t, client.ObjectKey{Name: name}, newNamespace(name))
	t.True(apierrors.IsNotFound(err), "get the namespace: %v", err)
}

func excluded(t *rule.T) {
	with, mine, theirs := manager(t), configMap(t.Namespace, "mine", "a"), configMap(t.Namespace, "theirs", "a")
	with.SetOwnerLabels([]*unstructured.Unstructured{mine}, "apps", "flux-system")
	applyAll(t, with, mine, theirs)
	options := ssa.DefaultDeleteOptions()
	options.Inclusions = with.GetOwnerLabels("apps", "flux-system")
	made, err := with.DeleteAll(t, []*unstructured.Unstructured{mine, theirs}, options)
	t.Must(err, "delete all")
	t.Equal(actions(made), map[string]string{"ConfigMap mine": "deleted", "ConfigMap theirs": "skipped"}, "what was done")
}

func refused(t *rule.T) {
	wrong := rule.Object(rule.Widget, t.Namespace, "thing", map[string]any{"color": "pink"})
	_, err := manager(t).ApplyAll(t, []*unstructured.Unstructured{configMap(t.Namespace, "one", "a"), wrong}, fast())
	t.True(err != nil && strings.Contains(err.Error(), `Unsupported value: "pink"`), "apply: %v", err)
	missing := configMap(t.Namespace+"-nowhere", "one", "a")
	_, err = manager(t).ApplyAll(t, []*unstructured.Unstructured{missing}, fast())
	t.True(err != nil && strings.Contains(err.Error(), "not found"), "apply in no namespace: %v", err)
}

func definitionFirst(t *rule.T) {
	group := "flux-" + t.Namespace + ".example.com"
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "gadgets." + group},
		"spec": map[string]any{"group": group, "scope": "Namespaced",
			"names": map[string]any{"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{
					"spec": map[string]any{"type": "object", "properties": map[string]any{"size": map[string]any{"type": "integer"}}}}}}}},
		}}}
	gadget := &unstructured.Unstructured{Object: map[string]any{"apiVersion": group + "/v1", "kind": "Gadget",
		"metadata": map[string]any{"name": "one", "namespace": t.Namespace}, "spec": map[string]any{"size": int64(1)}}}
	did := applyAll(t, manager(t), gadget, definition)
	t.Equal(did["Gadget one"], "created", "what became of the object")
	t.Must(on(t).Delete(t, definition), "delete the definition")
	t.Eventually(func() bool {
		err := on(t).Get(t, client.ObjectKeyFromObject(gadget), gadget.DeepCopy())
		return err != nil
	}, "its objects go with it")
}

func jsonPatch(t *rule.T) {
	with, wanted := manager(t), rule.NewAgent(t.Namespace, "weather")
	applyAll(t, with, wanted.DeepCopy())
	none, err := jsondiff.Unstructured(t, on(t), wanted.DeepCopy(), jsondiff.FieldOwner(owner))
	t.Must(err, "diff")
	t.Equal(string(none.Type), string(jsondiff.DiffTypeNone), "type of no difference")
	changed := wanted.DeepCopy()
	t.Must(unstructured.SetNestedField(changed.Object, "Be kind.", "spec", "prompt"), "set the prompt")
	some, err := jsondiff.Unstructured(t, on(t), changed, jsondiff.FieldOwner(owner))
	t.Must(err, "diff")
	t.Equal(string(some.Type), string(jsondiff.DiffTypeUpdate), "type of a difference")
	t.Equal(some.Patch.String(), `{"value":"Be kind.","op":"replace","path":"/spec/prompt"}`, "patch")
	fresh, err := jsondiff.Unstructured(t, on(t), rule.NewAgent(t.Namespace, "other"), jsondiff.FieldOwner(owner))
	t.Must(err, "diff of what is not there")
	t.Equal(string(fresh.Type), string(jsondiff.DiffTypeCreate), "type of what is not there")
}

func immutable(t *rule.T) {
	with, wanted := manager(t), configMap(t.Namespace, "one", "a")
	wanted.Object["immutable"] = true
	applyAll(t, with, wanted.DeepCopy())
	before := get(t, wanted).GetUID()
	wanted.Object["data"] = map[string]any{"key": "b"}
	_, err := with.ApplyAll(t, []*unstructured.Unstructured{wanted.DeepCopy()}, fast())
	t.True(err != nil && strings.Contains(err.Error(), "immutable"), "apply: %v", err)
	options := fast()
	options.Force = true
	made, err := with.ApplyAll(t, []*unstructured.Unstructured{wanted.DeepCopy()}, options)
	t.Must(err, "apply by force")
	t.Equal(actions(made), map[string]string{"ConfigMap one": "created"}, "what was done")
	t.True(get(t, wanted).GetUID() != before, "it is the same object")
}

func ifNotPresent(t *rule.T) {
	with, wanted := manager(t), configMap(t.Namespace, "one", "a")
	wanted.SetLabels(map[string]string{"ssa": "IfNotPresent"})
	options := fast()
	options.IfNotPresentSelector = map[string]string{"ssa": "IfNotPresent"}
	for _, want := range []string{"created", "skipped"} {
		made, err := with.ApplyAll(t, []*unstructured.Unstructured{wanted.DeepCopy()}, options)
		t.Must(err, "apply")
		t.Equal(actions(made), map[string]string{"ConfigMap one": want}, "what was done")
		wanted.Object["data"] = map[string]any{"key": "b"}
	}
	t.Equal(rule.Member(get(t, wanted), "data", "key"), "a", "key")
}
