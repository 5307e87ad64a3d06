package main

import (
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"ark-apiserver/tests/clients/rule"
)

var typedRules = rule.Rules{
	"namespaces_are_made_and_end":                   typedNamespaces,
	"secrets_keep_their_bytes":                      typedSecrets,
	"config_maps_are_patched_by_strategic_merge":    typedConfigMaps,
	"leases_keep_microseconds":                      typedLeases,
	"events_are_found_by_the_object_they_speak_of":  typedEvents,
	"services_and_service_accounts_come_back_whole": typedServices,
	"a_write_that_conflicts_is_tried_again":         typedRetry,
	"typed_clients_do_without_json":                 typedProtobuf,
	"one_may_ask_who_one_is_and_what_one_may":       typedReviews,
}

func typed(t *rule.T) *kubernetes.Clientset {
	return rule.Get[*kubernetes.Clientset](t, "make a client")(kubernetes.NewForConfig(inProtobuf(rule.Config(t))))
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name}
}

func typedNamespaces(t *rule.T) {
	namespaces := typed(t).CoreV1().Namespaces()
	name := t.Namespace + "-other"
	made, err := namespaces.Create(t, &corev1.Namespace{ObjectMeta: named(name)}, metav1.CreateOptions{})
	t.Must(err, "create")
	t.Equal(made.Status.Phase, corev1.NamespaceActive, "phase")
	t.Equal(made.Labels[corev1.LabelMetadataName], name, "the label with its name")
	_, err = typed(t).CoreV1().ConfigMaps(name).Create(t, &corev1.ConfigMap{ObjectMeta: named("one")}, metav1.CreateOptions{})
	t.Must(err, "create something in it")
	t.Must(namespaces.Delete(t, name, metav1.DeleteOptions{}), "delete")
	t.Eventually(func() bool {
		_, err := namespaces.Get(t, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, "the namespace is gone")
	_, err = typed(t).CoreV1().ConfigMaps(name).Create(t, &corev1.ConfigMap{ObjectMeta: named("one")}, metav1.CreateOptions{})
	t.True(apierrors.IsNotFound(err), "a create in a namespace that is gone: %v", err)
}

func typedSecrets(t *rule.T) {
	secrets := typed(t).CoreV1().Secrets(t.Namespace)
	data := []byte{0, 1, 254, 255}
	secret := &corev1.Secret{ObjectMeta: named("one"), Data: map[string][]byte{"raw": data},
		StringData: map[string]string{"text": "ä"}}
	made, err := secrets.Create(t, secret, metav1.CreateOptions{})
	t.Must(err, "create")
	t.Equal(made.Type, corev1.SecretTypeOpaque, "type")
	t.Equal(made.Data, map[string][]byte{"raw": data, "text": []byte("ä")}, "data")
	fixed := true
	made.Immutable = &fixed
	made, err = secrets.Update(t, made, metav1.UpdateOptions{})
	t.Must(err, "make it immutable")
	made.Data["raw"] = []byte("other")
	_, err = secrets.Update(t, made, metav1.UpdateOptions{})
	t.True(apierrors.IsInvalid(err), "a change of an immutable secret: %v", err)
	found, err := secrets.List(t, metav1.ListOptions{FieldSelector: "type=Opaque"})
	t.Must(err, "list by type")
	t.Equal(len(found.Items), 1, "secrets of the type")
}

func typedConfigMaps(t *rule.T) {
	maps := typed(t).CoreV1().ConfigMaps(t.Namespace)
	_, err := maps.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Finalizers: []string{"a.b/c"}},
		Data: map[string]string{"a": "1", "b": "2"}, BinaryData: map[string][]byte{"c": {200}}}, metav1.CreateOptions{})
	t.Must(err, "create")
	patched, err := maps.Patch(t, "one", types.StrategicMergePatchType,
		[]byte(`{"data":{"a":null,"d":"4"},"metadata":{"finalizers":["d.e/f"],"labels":{"x":"y"}}}`), metav1.PatchOptions{})
	t.Must(err, "strategic merge patch")
	t.Equal(patched.Data, map[string]string{"b": "2", "d": "4"}, "data")
	t.Equal(patched.BinaryData, map[string][]byte{"c": {200}}, "binary data")
	t.Equal(len(patched.Finalizers), 2, "finalizers, which are merged")
	patched, err = maps.Patch(t, "one", types.StrategicMergePatchType,
		[]byte(`{"data":{"$patch":"replace","e":"5"},"metadata":{"$deleteFromPrimitiveList/finalizers":["a.b/c","d.e/f"]}}`),
		metav1.PatchOptions{})
	t.Must(err, "strategic merge patch with directives")
	t.Equal(patched.Data, map[string]string{"e": "5"}, "data")
	t.Equal(len(patched.Finalizers), 0, "finalizers")
}

func typedProtobuf(t *rule.T) {
	config := onlyProtobuf(rule.Config(t))
	client := rule.Get[*kubernetes.Clientset](t, "make a client")(kubernetes.NewForConfig(config))
	maps := client.CoreV1().ConfigMaps(t.Namespace)
	made, err := maps.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Labels: map[string]string{"a": "b"}},
		Data: map[string]string{"ä": "ö"}, BinaryData: map[string][]byte{"c": {0, 200}}}, metav1.CreateOptions{})
	t.True(apierrors.IsInvalid(err), "a key that is none: %v", err)
	made, err = maps.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Labels: map[string]string{"a": "b"}},
		Data: map[string]string{"a": "ö"}, BinaryData: map[string][]byte{"c": {0, 200}}}, metav1.CreateOptions{})
	t.Must(err, "create")
	found, err := maps.Get(t, "one", metav1.GetOptions{})
	t.Must(err, "get")
	t.Equal(found, made, "what was made")
	listed, err := maps.List(t, metav1.ListOptions{LabelSelector: "a=b"})
	t.Must(err, "list")
	t.Equal(len(listed.Items), 1, "config maps")
	t.Equal(listed.Items[0].BinaryData, made.BinaryData, "binary data")
	watch, err := maps.Watch(t, metav1.ListOptions{ResourceVersion: listed.ResourceVersion})
	t.Must(err, "watch")
	defer watch.Stop()
	patched, err := maps.Patch(t, "one", types.StrategicMergePatchType, []byte(`{"data":{"b":"2"}}`), metav1.PatchOptions{})
	t.Must(err, "patch")
	t.Must(maps.Delete(t, "one", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID}}), "delete")
	for _, kind := range []string{"MODIFIED", "DELETED"} {
		event := <-watch.ResultChan()
		t.Equal(string(event.Type), kind, "event")
		seen, ok := event.Object.(*corev1.ConfigMap)
		t.True(ok, "%T was seen", event.Object)
		t.Equal(seen.Data, patched.Data, "data")
	}
	_, err = maps.Get(t, "one", metav1.GetOptions{})
	t.True(apierrors.IsNotFound(err), "a get of what is gone: %v", err)
	holder, now := "me", metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	lease, err := client.CoordinationV1().Leases(t.Namespace).Create(t, &coordinationv1.Lease{ObjectMeta: named("one"),
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &now}}, metav1.CreateOptions{})
	t.Must(err, "create a lease")
	t.True(lease.Spec.RenewTime.Equal(&now), "renewTime %v is not %v", lease.Spec.RenewTime, now)
	t.Equal(len(lease.ManagedFields), 1, "managers")
}

func typedReviews(t *rule.T) {
	client := typed(t)
	who, err := client.AuthenticationV1().SelfSubjectReviews().Create(t, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	t.Must(err, "ask who one is")
	user := who.Status.UserInfo
	t.True(user.Username != "" && len(user.Groups) > 1, "one is %v", user)
	action := &authorizationv1.ResourceAttributes{Namespace: t.Namespace, Verb: "create", Resource: "secrets"}
	mine, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: action}}, metav1.CreateOptions{})
	t.Must(err, "ask what one may")
	t.True(mine.Status.Allowed, "one may not: %v", mine.Status)
	theirs, err := client.AuthorizationV1().LocalSubjectAccessReviews(t.Namespace).Create(t, &authorizationv1.LocalSubjectAccessReview{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace}, Spec: authorizationv1.SubjectAccessReviewSpec{
			ResourceAttributes: action, User: "nobody", Extra: map[string]authorizationv1.ExtraValue{"a": {"b", "c"}}}}, metav1.CreateOptions{})
	t.Must(err, "ask what somebody else may")
	t.True(!theirs.Status.Allowed, "they may: %v", theirs.Status)
	rules, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(t, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: t.Namespace}}, metav1.CreateOptions{})
	t.Must(err, "ask for all that one may")
	t.True(len(rules.Status.ResourceRules) > 0 && !rules.Status.Incomplete, "rules: %v", rules.Status)
	token, err := client.AuthenticationV1().TokenReviews().Create(t, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: "nobody's"}}, metav1.CreateOptions{})
	t.Must(err, "ask whose a token is")
	t.True(!token.Status.Authenticated && token.Status.Error != "", "somebody's: %v", token.Status)
}

func typedLeases(t *rule.T) {
	leases := typed(t).CoordinationV1().Leases(t.Namespace)
	holder, seconds, now := "me", int32(15), metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	made, err := leases.Create(t, &coordinationv1.Lease{ObjectMeta: named("one"), Spec: coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now}}, metav1.CreateOptions{})
	t.Must(err, "create")
	t.True(made.Spec.RenewTime.Equal(&now), "renewTime %v is not %v", made.Spec.RenewTime, now)
	later := metav1.NewMicroTime(now.Add(time.Microsecond))
	made.Spec.RenewTime = &later
	made, err = leases.Update(t, made, metav1.UpdateOptions{})
	t.Must(err, "update")
	t.True(made.Spec.RenewTime.Equal(&later), "renewTime %v is not %v", made.Spec.RenewTime, later)
}

func typedEvents(t *rule.T) {
	events := typed(t).CoreV1().Events(t.Namespace)
	for _, name := range []string{"one", "two"} {
		event := &corev1.Event{ObjectMeta: named("event-" + name), Reason: "Tried", Type: corev1.EventTypeNormal,
			InvolvedObject: corev1.ObjectReference{Kind: "Query", Name: name, Namespace: t.Namespace}}
		_, err := events.Create(t, event, metav1.CreateOptions{})
		t.Must(err, "create")
	}
	for selector, count := range map[string]int{
		"involvedObject.name=one": 1, "involvedObject.kind=Query,reason=Tried": 2, "type!=Normal": 0} {
		found, err := events.List(t, metav1.ListOptions{FieldSelector: selector})
		t.Must(err, "list by "+selector)
		t.Equal(len(found.Items), count, "events by "+selector)
	}
	elsewhere := &corev1.Event{ObjectMeta: named("event-three"),
		InvolvedObject: corev1.ObjectReference{Kind: "Query", Name: "three", Namespace: "elsewhere"}}
	_, err := events.Create(t, elsewhere, metav1.CreateOptions{})
	t.True(apierrors.IsInvalid(err), "an event on an object of another namespace: %v", err)
}

func typedServices(t *rule.T) {
	account := &corev1.ServiceAccount{ObjectMeta: named("robot"), ImagePullSecrets: []corev1.LocalObjectReference{{Name: "a"}}}
	made, err := typed(t).CoreV1().ServiceAccounts(t.Namespace).Create(t, account, metav1.CreateOptions{})
	t.Must(err, "create a service account")
	t.Equal(made.ImagePullSecrets, account.ImagePullSecrets, "imagePullSecrets")
	service := &corev1.Service{ObjectMeta: named("web"), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeExternalName, ExternalName: "example.com"}}
	found, err := typed(t).CoreV1().Services(t.Namespace).Create(t, service, metav1.CreateOptions{})
	t.Must(err, "create a service")
	t.Equal(found.Spec.ExternalName, "example.com", "externalName")
}

func typedRetry(t *rule.T) {
	maps := typed(t).CoreV1().ConfigMaps(t.Namespace)
	_, err := maps.Create(t, &corev1.ConfigMap{ObjectMeta: named("counter")}, metav1.CreateOptions{})
	t.Must(err, "create")
	const writers, times = 4, 8
	patient := wait.Backoff{Steps: 50, Duration: time.Millisecond, Factor: 1.2, Jitter: 1, Cap: 100 * time.Millisecond}
	var running errgroup.Group
	for range writers {
		running.Go(func() error {
			for range times {
				err := retry.RetryOnConflict(patient, func() error {
					counter, err := maps.Get(t, "counter", metav1.GetOptions{})
					if err != nil {
						return err
					}
					count, _ := strconv.Atoi(counter.Data["count"])
					counter.Data = map[string]string{"count": strconv.Itoa(count + 1)}
					_, err = maps.Update(t, counter, metav1.UpdateOptions{})
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	t.Must(running.Wait(), "count up")
	counter, err := maps.Get(t, "counter", metav1.GetOptions{})
	t.Must(err, "get")
	t.Equal(counter.Data["count"], strconv.Itoa(writers*times), "the count")
}
