package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/engine"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ark-apiserver/tests/clients/rule"
)

const (
	mark    = "example.com/managed-by"
	manager = "argocd-controller"
)

var engineRules = rule.Rules{
	"a_cache_holds_what_is_in_a_namespace":             cacheHolds,
	"a_cache_finds_what_an_object_owns":                hierarchy,
	"a_sync_makes_changes_and_prunes":                  syncAndPrune,
	"a_sync_by_server_side_apply_owns_its_fields":      syncServerSide,
	"a_sync_takes_over_from_client_side_apply":         migration,
	"a_sync_that_replaces_leaves_nothing_over":         replaces,
	"a_sync_goes_by_waves_and_hooks":                   hooks,
	"a_sync_that_is_refused_says_so":                   refuses,
	"a_difference_in_three_ways_sees_what_was_removed": threeWays,
	"a_difference_by_the_server_ignores_its_defaults":  serverSide,
	"a_difference_by_the_server_sees_what_is_refused":  serverSideRefused,
	"a_difference_by_the_schema_knows_lists_with_keys": structured,
	"an_object_that_is_being_deleted_is_progressing":   deleting,
	"the_schema_of_every_kind_is_known":                schemas,
}

type world struct {
	*rule.T
	cache   cache.ClusterCache
	kubectl *kube.KubectlCmd
	engine  engine.GitOpsEngine
	client  client.Client
}

func enter(t *rule.T) *world {
	config := rule.Config(t)
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	held := cache.NewClusterCache(config,
		cache.SetNamespaces([]string{t.Namespace}), cache.SetKubectl(kubectl), cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			return object.GetLabels()[mark], true
		}))
	made := engine.NewEngine(config, held, engine.WithKubectl(kubectl), engine.WithLogr(logr.Discard()))
	t.Must(held.EnsureSynced(), "sync the cache")
	on := rule.Get[client.Client](t, "make a client")(client.New(config, client.Options{}))
	return &world{t, held, kubectl, made, on}
}

// managed labels objects as one application's, as Argo CD does.
func (w *world) managed(objects ...*unstructured.Unstructured) []*unstructured.Unstructured {
	for _, object := range objects {
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[mark] = w.Namespace
		object.SetLabels(labels)
	}
	return objects
}

func (w *world) sync(objects []*unstructured.Unstructured, options ...sync.SyncOpt) (string, error) {
	options = append(options, sync.WithLogr(logr.Discard()))
	results, err := w.engine.Sync(w, objects, func(r *cache.Resource) bool { return r.Info == w.Namespace }, "revision", w.Namespace, options...)
	return told(results), err
}

func told(results []common.ResourceSyncResult) string {
	lines := []string{}
	for _, result := range results {
		lines = append(lines, fmt.Sprintf("%s %s %s", result.ResourceKey.Kind, result.ResourceKey.Name, result.Status))
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

func (w *world) synced(objects []*unstructured.Unstructured, options ...sync.SyncOpt) string {
	told, err := w.sync(objects, options...)
	w.Must(err, "sync")
	return told
}

// operate syncs as Argo CD's controller does: step by step, each from what the cache says by then.
func (w *world) operate(objects []*unstructured.Unstructured) string {
	config := rule.Config(w.T)
	phase, message, started := common.OperationPhase(""), "", metav1.Now()
	results := []common.ResourceSyncResult{}
	w.Eventually(func() bool {
		copies := make([]*unstructured.Unstructured, 0, len(objects))
		for _, object := range objects {
			copies = append(copies, object.DeepCopy())
		}
		live, err := w.cache.GetManagedLiveObjs(copies, func(r *cache.Resource) bool { return r.Info == w.Namespace })
		w.Must(err, "find live objects")
		step, cleanup, err := sync.NewSyncContext("revision", sync.Reconcile(copies, live, w.Namespace, w.cache), config, config,
			w.kubectl, w.Namespace, sync.WithLogr(logr.Discard()), sync.WithInitialState(phase, message, results, started))
		w.Must(err, "begin a step")
		defer cleanup()
		step.Sync()
		phase, message, results = step.GetState()
		return phase.Completed()
	}, "the operation is complete")
	w.Equal(phase, common.OperationSucceeded, "phase, with the message "+message)
	return told(results)
}

func (w *world) live(like *unstructured.Unstructured) *unstructured.Unstructured {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(like.GroupVersionKind())
	w.Must(w.client.Get(w, client.ObjectKeyFromObject(like), found), "get "+like.GetName())
	return found
}

func (w *world) names() string {
	found := []string{}
	for key := range w.cache.FindResources(w.Namespace) {
		if key.Kind != "ServiceAccount" && key.Kind != "ConfigMap" { // kube-controller-manager's
			found = append(found, key.Kind+" "+key.Name)
		}
	}
	sort.Strings(found)
	return strings.Join(found, ", ")
}

func cacheHolds(t *rule.T) {
	w := enter(t)
	agent := rule.NewAgent(t.Namespace, "weather")
	t.Must(w.client.Create(t, agent), "create")
	t.Must(w.client.Create(t, rule.NewQuery(t.Namespace, "ask")), "create")
	t.Eventually(func() bool { return w.names() == "Agent weather, Query ask" }, "both are cached, but: %s", w.names())
	agent.SetLabels(map[string]string{mark: "x"})
	t.Must(w.client.Update(t, agent), "update")
	key := kube.GetResourceKey(agent)
	t.Eventually(func() bool { return w.cache.FindResources(t.Namespace)[key].Info == "x" }, "the change is cached")
	t.Must(w.client.Delete(t, agent), "delete")
	t.Eventually(func() bool { return w.names() == "Query ask" }, "the rest is cached, but: %s", w.names())
	namespaced, err := w.cache.IsNamespaced(schema.GroupKind{Group: "probe.example.com", Kind: "Plate"})
	t.Must(err, "ask about Plate")
	t.True(!namespaced, "a plate is in a namespace")
	t.True(strings.HasPrefix(w.cache.GetServerVersion(), "v1.36"), "version %s", w.cache.GetServerVersion())
}

func hierarchy(t *rule.T) {
	w, owner := enter(t), rule.NewQuery(t.Namespace, "owner")
	t.Must(w.client.Create(t, owner), "create")
	child := rule.NewAgent(t.Namespace, "child")
	child.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(),
		Name: owner.GetName(), UID: owner.GetUID()}})
	t.Must(w.client.Create(t, child), "create")
	t.Eventually(func() bool { return w.names() == "Agent child, Query owner" }, "both are cached")
	visited := []string{}
	w.cache.IterateHierarchyV2([]kube.ResourceKey{kube.GetResourceKey(owner)},
		func(resource *cache.Resource, _ map[kube.ResourceKey]*cache.Resource) bool {
			visited = append(visited, resource.Ref.Kind)
			return true
		})
	t.Equal(visited, []string{"Query", "Agent"}, "kinds of the hierarchy")
}

func syncAndPrune(t *rule.T) {
	w := enter(t)
	agent, query := rule.NewAgent(t.Namespace, "weather"), rule.NewQuery(t.Namespace, "ask")
	t.Equal(w.synced(w.managed(agent.DeepCopy(), query)), "Agent weather Synced, Query ask Synced", "first sync")
	t.Must(unstructured.SetNestedField(agent.Object, "Be kind.", "spec", "prompt"), "set the prompt")
	t.Eventually(func() bool { return w.names() == "Agent weather, Query ask" }, "both are cached")
	t.Equal(w.synced(w.managed(agent.DeepCopy()), sync.WithPrune(true)), "Agent weather Synced, Query ask Pruned", "second sync")
	t.Equal(rule.Member(w.live(agent), "spec", "prompt"), "Be kind.", "prompt")
	t.Eventually(func() bool { return w.names() == "Agent weather" }, "the query is gone, but: %s", w.names())
}

func syncServerSide(t *rule.T) {
	w := enter(t)
	widget := rule.NewWidget(t.Namespace, "thing")
	options := []sync.SyncOpt{sync.WithServerSideApply(true), sync.WithServerSideApplyManager(manager)}
	t.Equal(w.synced(w.managed(widget.DeepCopy()), options...), "Widget thing Synced", "first sync")
	live := w.live(widget)
	t.Equal(len(live.GetManagedFields()), 1, "managers")
	t.Equal(live.GetManagedFields()[0].Manager+" "+string(live.GetManagedFields()[0].Operation), manager+" Apply", "manager")
	t.Equal(len(live.GetAnnotations()), 0, "annotations")
	unstructured.RemoveNestedField(widget.Object, "spec", "replicas")
	t.Equal(w.synced(w.managed(widget.DeepCopy()), options...), "Widget thing Synced", "second sync")
	t.Equal(rule.Member(w.live(widget), "spec", "replicas"), nil, "replicas")
}

func migration(t *rule.T) {
	w := enter(t)
	agent := rule.NewAgent(t.Namespace, "weather")
	w.synced(w.managed(agent.DeepCopy()))
	t.True(w.live(agent).GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"] != "", "nothing of a client-side apply")
	unstructured.RemoveNestedField(agent.Object, "spec", "description")
	t.Eventually(func() bool { return w.names() == "Agent weather" }, "it is cached")
	w.synced(w.managed(agent.DeepCopy()), sync.WithServerSideApply(true), sync.WithServerSideApplyManager(manager),
		sync.WithClientSideApplyMigration(true, common.DefaultClientSideApplyMigrationManager))
	live := w.live(agent)
	t.Equal(rule.Member(live, "spec", "description"), nil, "description")
	for _, entry := range live.GetManagedFields() {
		t.True(entry.Operation == metav1.ManagedFieldsOperationApply, "%s still owns by %s", entry.Manager, entry.Operation)
	}
}

func replaces(t *rule.T) {
	w := enter(t)
	agent := rule.NewAgent(t.Namespace, "weather")
	w.synced(w.managed(agent.DeepCopy()))
	live := w.live(agent)
	t.Must(unstructured.SetNestedField(live.Object, "default", "spec", "modelRef", "name"), "set the model")
	t.Must(w.client.Update(t, live), "update")
	t.Eventually(func() bool {
		cached := w.cache.FindResources(t.Namespace)[kube.GetResourceKey(agent)]
		return cached != nil && cached.ResourceVersion == live.GetResourceVersion()
	}, "it is cached")
	t.Equal(w.synced(w.managed(agent.DeepCopy()), sync.WithReplace(true)), "Agent weather Synced", "sync")
	t.Equal(rule.Member(w.live(agent), "spec", "modelRef"), nil, "model")
}

func hooks(t *rule.T) {
	w := enter(t)
	annotated := func(object *unstructured.Unstructured, annotations map[string]string) *unstructured.Unstructured {
		object.SetAnnotations(annotations)
		return object
	}
	hook := annotated(rule.NewQuery(t.Namespace, "before"), map[string]string{
		common.AnnotationKeyHook: "PreSync", common.AnnotationKeyHookDeletePolicy: "HookSucceeded"})
	late := annotated(rule.NewAgent(t.Namespace, "late"), map[string]string{common.AnnotationSyncWave: "2"})
	early := annotated(rule.NewAgent(t.Namespace, "early"), map[string]string{common.AnnotationSyncWave: "1"})
	told := w.operate(w.managed(late, hook, early))
	t.Equal(told, "Agent early Synced, Agent late Synced, Query before Synced", "sync")
	first, second := w.live(early), w.live(late)
	t.True(len(first.GetResourceVersion()) < len(second.GetResourceVersion()) || first.GetResourceVersion() < second.GetResourceVersion(),
		"the second wave came first")
	t.Eventually(func() bool { return w.names() == "Agent early, Agent late" }, "the hook is gone, but: %s", w.names())
}

func refuses(t *rule.T) {
	w := enter(t)
	wrong := rule.Object(rule.Widget, t.Namespace, "thing", map[string]any{"color": "pink"})
	told, err := w.sync(w.managed(wrong), sync.WithServerSideApply(true))
	t.Must(err, "sync")
	t.Equal(told, "Widget thing SyncFailed", "sync")
}

func (w *world) diff(wanted, live *unstructured.Unstructured, options ...diff.Option) *diff.DiffResult {
	result, err := diff.Diff(wanted, live, append(options, diff.WithLogr(logr.Discard()))...)
	w.Must(err, "compare")
	return result
}

func threeWays(t *rule.T) {
	w := enter(t)
	agent := rule.NewAgent(t.Namespace, "weather")
	w.synced(w.managed(agent))
	t.True(!w.diff(agent, w.live(agent)).Modified, "it differs right after a sync")
	unstructured.RemoveNestedField(agent.Object, "spec", "description")
	result := w.diff(agent, w.live(agent))
	t.True(result.Modified, "it does not differ")
	predicted := map[string]any{}
	t.Must(json.Unmarshal(result.PredictedLive, &predicted), "decode")
	t.Equal(predicted["spec"], map[string]any{"prompt": "Be brief."}, "predicted spec")
}

func (w *world) serverSide() []diff.Option {
	operations, cleanup, err := w.kubectl.ManageServerSideDiffDryRuns(rule.Config(w.T))
	w.Must(err, "manage resources")
	_ = cleanup // the rule's process ends soon
	return []diff.Option{diff.WithServerSideDiff(true), diff.WithManager(manager), diff.WithGVKParser(w.cache.GetGVKParser()),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(operations))}
}

func serverSide(t *rule.T) {
	w := enter(t)
	widget := w.managed(rule.NewWidget(t.Namespace, "thing"))[0]
	w.synced([]*unstructured.Unstructured{widget.DeepCopy()}, sync.WithServerSideApply(true), sync.WithServerSideApplyManager(manager))
	options := w.serverSide()
	t.True(!w.diff(widget, w.live(widget), options...).Modified, "it differs by what the server filled in")
	t.Must(unstructured.SetNestedField(widget.Object, "blue", "spec", "color"), "set the color")
	result := w.diff(widget, w.live(widget), options...)
	t.True(result.Modified, "it does not differ")
	t.True(strings.Contains(string(result.PredictedLive), `"color":"blue"`), "predicted: %s", result.PredictedLive)
}

func serverSideRefused(t *rule.T) {
	w := enter(t)
	widget := rule.NewWidget(t.Namespace, "thing")
	t.Must(w.client.Create(t, widget.DeepCopy()), "create")
	t.Must(unstructured.SetNestedField(widget.Object, "pink", "spec", "color"), "set the color")
	_, err := diff.Diff(widget, w.live(widget), append(w.serverSide(), diff.WithLogr(logr.Discard()))...)
	t.True(err != nil && strings.Contains(err.Error(), "Unsupported value"), "compare: %v", err)
}

func structured(t *rule.T) {
	w := enter(t)
	port := func(name string, number int64) map[string]any {
		return map[string]any{"name": name, "protocol": "TCP", "port": number}
	}
	widget := rule.NewWidget(t.Namespace, "thing")
	widget.Object["spec"].(map[string]any)["ports"] = []any{port("http", 80)}
	w.synced(w.managed(widget.DeepCopy()), sync.WithServerSideApply(true), sync.WithServerSideApplyManager(manager))
	live := w.live(widget)
	t.Must(unstructured.SetNestedSlice(live.Object, []any{port("metrics", 9090), port("http", 80)}, "spec", "ports"), "set the ports")
	t.Must(w.client.Update(t, live, client.FieldOwner("somebody")), "update")
	options := []diff.Option{diff.WithStructuredMergeDiff(true), diff.WithManager(manager), diff.WithGVKParser(w.cache.GetGVKParser())}
	t.True(!w.diff(w.managed(widget)[0], w.live(widget), options...).Modified, "a port of somebody else is a difference")
	widget.Object["spec"].(map[string]any)["ports"] = []any{port("http", 8080)}
	t.True(w.diff(w.managed(widget)[0], w.live(widget), options...).Modified, "a port that was changed is none")
}

func deleting(t *rule.T) {
	w, query := enter(t), rule.NewQuery(t.Namespace, "ask")
	query.SetFinalizers([]string{"example.com/wait"})
	t.Must(w.client.Create(t, query), "create")
	t.Must(w.client.Delete(t, query), "delete")
	found, err := health.GetResourceHealth(w.live(query), nil)
	t.Must(err, "judge")
	t.Equal(found.Status, health.HealthStatusProgressing, "health")
}

func schemas(t *rule.T) {
	w := enter(t)
	for _, kind := range []schema.GroupVersionKind{rule.Query, rule.Widget, {Version: "v1", Kind: "Secret"}} {
		t.True(w.cache.GetGVKParser().Type(kind) != nil, "no type of %s", kind)
		t.True(w.cache.GetOpenAPISchema().LookupResource(kind) != nil, "no schema of %s", kind)
	}
	on := rule.Get[*dynamic.DynamicClient](t, "make a client")(dynamic.NewForConfig(rule.Config(t)))
	_, err := on.Resource(rule.Widgets).Namespace(t.Namespace).Create(t, rule.NewWidget(t.Namespace, "thing"), metav1.CreateOptions{})
	t.Must(err, "create")
	typed, err := w.cache.GetGVKParser().Type(rule.Widget).FromUnstructured(w.live(rule.NewWidget(t.Namespace, "thing")).Object)
	t.Must(err, "read a widget by its schema")
	t.True(typed != nil, "nothing was read")
}
