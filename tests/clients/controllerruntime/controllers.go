package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"ark-apiserver/tests/clients/rule"
)

var controllerRules = rule.Rules{
	"a_controller_brings_objects_to_what_they_ask_for": reconciles,
	"a_child_that_is_deleted_comes_back":               ownedChild,
	"children_go_with_their_owner":                     garbage,
	"a_finalizer_holds_an_object_until_all_is_done":    finalizes,
	"a_status_write_is_no_change_of_generation":        predicates,
	"a_second_controller_takes_over":                   takesOver,
	"a_controller_goes_on_where_another_stopped":       goesOn,
	"events_are_recorded_in_both_apis":                 records,
	"a_watch_of_metadata_alone_reconciles_too":         metadataController,
}

const finalizer = "example.com/tidy"

// reconciler makes an agent for every query, tells in the query's status, and tidies up at the end.
type reconciler struct {
	client.Client
	calls, tidied atomic.Int32
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	r.calls.Add(1)
	query := &Query{}
	if err := r.Get(ctx, request.NamespacedName, query); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !query.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(query, finalizer) {
			err := r.Update(ctx, query)
			// The cache may still have an object that is gone: the server refuses to change it.
			if err == nil {
				r.tidied.Add(1)
			}
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(query, finalizer) {
		return ctrl.Result{}, r.Update(ctx, query)
	}
	return ctrl.Result{}, r.bring(ctx, query)
}

func (r *reconciler) bring(ctx context.Context, query *Query) error {
	agent := &Agent{ObjectMeta: metav1.ObjectMeta{Namespace: query.Namespace, Name: query.Name}}
	_, err := controllerutil.CreateOrPatch(ctx, r.Client, agent, func() error {
		agent.Spec.Prompt = query.Spec.Input
		return controllerutil.SetControllerReference(query, agent, r.Scheme())
	})
	if err != nil {
		return err
	}
	if meta.SetStatusCondition(&query.Status.Conditions, metav1.Condition{
		Type: "Completed", Status: metav1.ConditionTrue, Reason: "Done", ObservedGeneration: query.Generation}) {
		query.Status.Phase = "done"
		return r.Status().Update(ctx, query)
	}
	return nil
}

func options(t *rule.T) manager.Options {
	unnamed := true
	return manager.Options{
		Scheme: known, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{t.Namespace: {}}},
		Controller: config.Controller{SkipNameValidation: &unnamed},
	}
}

// running is a manager that runs until it is stopped.
type running struct {
	manager.Manager
	stop func()
}

func start(t *rule.T, options manager.Options, prepare func(manager.Manager)) *running {
	made := rule.Get[manager.Manager](t, "make a manager")(ctrl.NewManager(rule.Config(t), options))
	prepare(made)
	ctx, cancel := context.WithCancel(t)
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := made.Start(ctx); err != nil {
			println("manager ended:", err.Error())
		}
	})
	return &running{made, func() { cancel(); ended.Wait() }}
}

func control(t *rule.T, options manager.Options, predicates ...predicate.Predicate) (*running, *reconciler) {
	made := &reconciler{}
	started := start(t, options, func(to manager.Manager) {
		made.Client = to.GetClient()
		t.Must(ctrl.NewControllerManagedBy(to).For(&Query{}, builder.WithPredicates(predicates...)).
			Owns(&Agent{}).Named("queries").Complete(made), "build a controller")
	})
	return started, made
}

func isDone(t *rule.T, on client.Client, name string) func() bool {
	return func() bool {
		query := &Query{}
		t.Must(on.Get(t, key(t, name), query), "get")
		return query.Status.Phase == "done" && meta.IsStatusConditionTrue(query.Status.Conditions, "Completed")
	}
}

func reconciles(t *rule.T) {
	on := direct(t)
	t.Must(on.Create(t, newQuery(t, "before")), "create")
	started, _ := control(t, options(t))
	defer started.stop()
	t.Must(on.Create(t, newQuery(t, "after")), "create")
	for _, name := range []string{"before", "after"} {
		t.Eventually(isDone(t, on, name), "the query %s is done", name)
		agent := &Agent{}
		t.Must(on.Get(t, key(t, name), agent), "get the agent")
		owner := metav1.GetControllerOf(agent)
		t.True(owner != nil && owner.Name == name && *owner.BlockOwnerDeletion, "owner: %v", owner)
	}
}

func ownedChild(t *rule.T) {
	on := direct(t)
	started, _ := control(t, options(t))
	defer started.stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	agent := &Agent{}
	t.Must(on.Get(t, key(t, "one"), agent), "get the agent")
	t.Must(on.Delete(t, agent), "delete the agent")
	t.Eventually(func() bool {
		again := &Agent{}
		return on.Get(t, key(t, "one"), again) == nil && again.UID != agent.UID
	}, "the agent is there again")
}

func garbage(t *rule.T) {
	on := direct(t)
	started, _ := control(t, options(t))
	defer started.stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	t.Must(on.Delete(t, newQuery(t, "one"), client.PropagationPolicy(metav1.DeletePropagationForeground)), "delete the query")
	for _, object := range []client.Object{&Query{}, &Agent{}} {
		t.Eventually(func() bool { return apierrors.IsNotFound(on.Get(t, key(t, "one"), object)) }, "the %T is gone", object)
	}
}

func finalizes(t *rule.T) {
	on := direct(t)
	started, made := control(t, options(t))
	defer started.stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	t.Must(on.Delete(t, newQuery(t, "one")), "delete")
	t.Eventually(func() bool { return apierrors.IsNotFound(on.Get(t, key(t, "one"), &Query{})) }, "the query is gone")
	t.Eventually(func() bool { return made.tidied.Load() > 0 }, "it was tidied up")
	t.Equal(made.tidied.Load(), 1, "times that it was tidied up")
}

func predicates(t *rule.T) {
	on := direct(t)
	started, made := control(t, options(t), predicate.GenerationChangedPredicate{})
	defer started.stop()
	query := newQuery(t, "one")
	query.Finalizers = []string{finalizer}
	t.Must(on.Create(t, query), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	t.Must(on.Get(t, key(t, "one"), query), "get")
	t.Equal(query.Generation, 1, "generation")
	before := made.calls.Load()
	settled := func() bool { // what its child brings about, too
		last := before
		time.Sleep(300 * time.Millisecond)
		before = made.calls.Load()
		return last == before
	}
	t.Eventually(settled, "it is left alone")
	query.Annotations = map[string]string{"a": "b"}
	t.Must(on.Update(t, query), "annotate")
	query.Status.Phase = "running"
	t.Must(on.Status().Update(t, query), "update the status")
	time.Sleep(300 * time.Millisecond)
	t.Equal(made.calls.Load(), before, "calls after writes that leave the spec alone")
	query.Spec.Input = "Will it snow?"
	t.Must(on.Update(t, query), "update")
	t.Eventually(func() bool { return made.calls.Load() > before }, "a change of the spec is told")
}

func elected(t *rule.T) manager.Options {
	wanted := options(t)
	lease, renew, retry := 3*time.Second, 2*time.Second, 300*time.Millisecond
	wanted.LeaderElection, wanted.LeaderElectionID, wanted.LeaderElectionNamespace = true, "tests-leader", t.Namespace
	wanted.LeaseDuration, wanted.RenewDeadline, wanted.RetryPeriod = &lease, &renew, &retry
	wanted.LeaderElectionReleaseOnCancel = true
	return wanted
}

func takesOver(t *rule.T) {
	on := direct(t)
	first, one := control(t, elected(t))
	<-first.Elected()
	second, two := control(t, elected(t))
	defer second.stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	t.Equal(two.calls.Load(), 0, "calls of the one that does not lead")
	first.stop()
	t.True(one.calls.Load() > 0, "the leader was not called")
	<-second.Elected()
	t.Must(on.Create(t, newQuery(t, "two")), "create")
	t.Eventually(isDone(t, on, "two"), "the next query is done")
	t.True(two.calls.Load() > 0, "the second was not called")
	events := &corev1.EventList{}
	t.Eventually(func() bool {
		t.Must(on.List(t, events, client.InNamespace(t.Namespace), client.MatchingFields{"involvedObject.kind": "Lease"}), "list")
		return len(events.Items) >= 2 && events.Items[0].Reason == "LeaderElection"
	}, "both have said that they lead")
}

func goesOn(t *rule.T) {
	on := direct(t)
	first, _ := control(t, options(t))
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(isDone(t, on, "one"), "the query is done")
	first.stop()
	t.Must(on.Create(t, newQuery(t, "two")), "create")
	t.Must(on.Delete(t, newQuery(t, "one")), "delete")
	second, _ := control(t, options(t))
	defer second.stop()
	t.Eventually(isDone(t, on, "two"), "what came meanwhile is done")
	t.Eventually(func() bool { return apierrors.IsNotFound(on.Get(t, key(t, "one"), &Query{})) }, "what should go is gone")
}

func records(t *rule.T) {
	on, query := direct(t), newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	query.SetGroupVersionKind(rule.Query)
	started := start(t, options(t), func(to manager.Manager) {
		//nolint:staticcheck // Ark's controller records by the old API.
		to.GetEventRecorderFor("old").Event(query, corev1.EventTypeNormal, "Old", "by the old API")
		to.GetEventRecorder("new").Eventf(query, nil, corev1.EventTypeNormal, "New", "Trying", "by the new API")
	})
	defer started.stop()
	t.Eventually(func() bool {
		events := &corev1.EventList{}
		t.Must(on.List(t, events, client.InNamespace(t.Namespace), client.MatchingFields{"involvedObject.name": "one"}), "list")
		return len(events.Items) == 2
	}, "both events are there")
}

func metadataController(t *rule.T) {
	on := direct(t)
	var seen atomic.Int32
	started := start(t, options(t), func(to manager.Manager) {
		t.Must(ctrl.NewControllerManagedBy(to).For(&Query{}, builder.OnlyMetadata).Named("metadata").Complete(
			reconcileFunc(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
				found := &metav1.PartialObjectMetadata{}
				found.SetGroupVersionKind(rule.Query)
				if err := to.GetClient().Get(ctx, request.NamespacedName, found); err == nil && found.UID != "" {
					seen.Add(1)
				}
				return ctrl.Result{}, nil
			})), "build a controller")
	})
	defer started.stop()
	t.Must(on.Create(t, newQuery(t, "one")), "create")
	t.Eventually(func() bool { return seen.Load() > 0 }, "it was told")
}

type reconcileFunc func(context.Context, ctrl.Request) (ctrl.Result, error)

func (r reconcileFunc) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	return r(ctx, request)
}
