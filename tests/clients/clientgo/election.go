package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"ark-apiserver/tests/clients/rule"
)

var electionRules = rule.Rules{
	"one_of_two_candidates_leads":                    electionOne,
	"a_leader_that_steps_down_is_followed_at_once":   electionRelease,
	"a_leader_that_is_cut_off_is_followed_in_time":   electionFailover,
	"a_lease_tells_who_leads_and_how_often_it_moved": electionRecord,
}

// candidate runs for leader until its context ends.
type candidate struct {
	name    string
	leading atomic.Bool
	stop    context.CancelFunc
	cut     atomic.Bool
	ended   chan struct{}
}

func (c *candidate) RoundTripper(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		if c.cut.Load() {
			return nil, errors.New("the line is cut")
		}
		return next.RoundTrip(request)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// long is a lease that does not end on a busy machine while its holder renews it.
const long = 10 * time.Second

func stand(t *rule.T, name string, lease time.Duration) *candidate {
	ctx, cancel := context.WithCancel(t)
	made := &candidate{name: name, stop: cancel, ended: make(chan struct{})}
	config := inProtobuf(rest.CopyConfig(rule.Config(t)))
	config.Wrap(made.RoundTripper)
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, t.Namespace, "leader",
		resourcelock.ResourceLockConfig{Identity: name}, config, lease*3/4)
	t.Must(err, "make a lock")
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: lease, RenewDeadline: lease * 3 / 4, RetryPeriod: 200 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { made.leading.Store(true) },
			OnStoppedLeading: func() { made.leading.Store(false) },
		},
	})
	t.Must(err, "make an elector")
	go func() {
		defer close(made.ended)
		elector.Run(ctx)
	}()
	return made
}

func electionOne(t *rule.T) {
	one, two := stand(t, "one", long), stand(t, "two", long)
	t.Eventually(func() bool { return one.leading.Load() || two.leading.Load() }, "somebody leads")
	for range 20 {
		t.True(one.leading.Load() != two.leading.Load(), "one: %v, two: %v", one.leading.Load(), two.leading.Load())
		time.Sleep(100 * time.Millisecond)
	}
}

func electionRelease(t *rule.T) {
	one := stand(t, "one", long)
	t.Eventually(one.leading.Load, "one leads")
	two := stand(t, "two", long)
	// A renewal that is under way when it stops would make its release a conflict; the next one is far after this.
	before := lease(t).Spec.RenewTime
	t.Eventually(func() bool { return before.Before(lease(t).Spec.RenewTime) }, "the lease is renewed")
	one.stop()
	<-one.ended
	start := time.Now()
	t.Eventually(two.leading.Load, "two leads")
	t.True(time.Since(start) < long/2, "it took %v, as long as if one had not stepped down", time.Since(start))
}

func electionFailover(t *rule.T) {
	one := stand(t, "one", 2*time.Second)
	t.Eventually(one.leading.Load, "one leads")
	two := stand(t, "two", 2*time.Second)
	one.cut.Store(true)
	t.Eventually(func() bool { return !one.leading.Load() && two.leading.Load() }, "two leads and one knows")
	t.Eventually(func() bool { return holder(t) == "two 1" }, "the lease tells: %s", holder(t))
}

func lease(t *rule.T) *coordinationv1.Lease {
	found, err := typed(t).CoordinationV1().Leases(t.Namespace).Get(t, "leader", metav1.GetOptions{})
	t.Must(err, "get the lease")
	return found
}

func holder(t *rule.T) string {
	found := lease(t)
	return fmt.Sprintf("%s %d", *found.Spec.HolderIdentity, *found.Spec.LeaseTransitions)
}

func electionRecord(t *rule.T) {
	one := stand(t, "one", long)
	t.Eventually(one.leading.Load, "one leads")
	t.Equal(holder(t), "one 0", "holder and moves")
	before := lease(t)
	t.Eventually(func() bool {
		after := lease(t)
		return after.Spec.RenewTime.After(before.Spec.RenewTime.Time) && after.Spec.AcquireTime.Equal(before.Spec.AcquireTime)
	}, "the lease is renewed")
}
