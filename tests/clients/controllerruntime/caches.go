package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ark-apiserver/tests/clients/rule"
)

var cacheRules = rule.Rules{
	"an_index_finds_objects_by_a_field":               indexes,
	"a_cache_takes_in_only_what_is_asked_for":         narrowCache,
	"a_cache_that_starts_again_is_equal_to_the_store": cacheAgain,
	"a_cached_client_reads_what_was_written":          cachedClient,
}

func startCache(t *rule.T, options cache.Options, prepare func(cache.Cache)) (cache.Cache, func()) {
	options.Scheme = known
	made := rule.Get[cache.Cache](t, "make a cache")(cache.New(rule.Config(t), options))
	prepare(made)
	ctx, cancel := context.WithCancel(t)
	go func() { _ = made.Start(ctx) }()
	t.True(made.WaitForCacheSync(ctx), "the cache did not sync")
	return made, cancel
}

func here(t *rule.T) cache.Options {
	return cache.Options{DefaultNamespaces: map[string]cache.Config{t.Namespace: {}}}
}

func indexes(t *rule.T) {
	on := direct(t)
	for name, model := range map[string]string{"one": "big", "two": "small", "three": "big"} {
		t.Must(on.Create(t, newAgent(t, name, model)), "create")
	}
	made, stop := startCache(t, here(t), func(made cache.Cache) {
		t.Must(made.IndexField(t, &Agent{}, ".spec.modelRef.name", func(object client.Object) []string {
			return []string{object.(*Agent).Spec.ModelRef.Name}
		}), "index")
	})
	defer stop()
	found := &AgentList{}
	t.Must(made.List(t, found, client.InNamespace(t.Namespace), client.MatchingFields{".spec.modelRef.name": "big"}), "list")
	t.Equal(len(found.Items), 2, "agents of the model")
}

func narrowCache(t *rule.T) {
	on := direct(t)
	for name, tier := range map[string]string{"one": "front", "two": "back"} {
		query := newQuery(t, name)
		query.Labels = map[string]string{"tier": tier}
		t.Must(on.Create(t, query), "create")
		secret := &corev1.Secret{}
		secret.Namespace, secret.Name = t.Namespace, name
		t.Must(on.Create(t, secret), "create")
	}
	options := here(t)
	options.DefaultTransform = cache.TransformStripManagedFields()
	options.ByObject = map[client.Object]cache.ByObject{
		&Query{}:         {Label: labels.SelectorFromSet(labels.Set{"tier": "front"})},
		&corev1.Secret{}: {Field: fields.OneTermEqualSelector("metadata.name", "two")},
	}
	made, stop := startCache(t, options, func(cache.Cache) {})
	defer stop()
	queries, secrets := &QueryList{}, &corev1.SecretList{}
	t.Must(made.List(t, queries), "list queries")
	t.Equal(len(queries.Items), 1, "queries")
	t.Equal(queries.Items[0].Name, "one", "the query")
	t.Equal(len(queries.Items[0].ManagedFields), 0, "managedFields kept")
	t.Must(made.List(t, secrets), "list secrets")
	t.Equal(len(secrets.Items), 1, "secrets")
	t.Equal(secrets.Items[0].Name, "two", "the secret")
}

func cacheAgain(t *rule.T) {
	on := direct(t)
	for _, name := range []string{"one", "two"} {
		t.Must(on.Create(t, newQuery(t, name)), "create")
	}
	made, stop := startCache(t, here(t), func(cache.Cache) {})
	t.Must(made.Get(t, key(t, "one"), &Query{}), "get from the cache")
	stop()
	t.Must(on.Delete(t, newQuery(t, "one")), "delete")
	query := &Query{}
	t.Must(on.Get(t, key(t, "two"), query), "get")
	query.Spec.Input = "Will it snow?"
	t.Must(on.Update(t, query), "update")
	made, stop = startCache(t, here(t), func(cache.Cache) {})
	defer stop()
	cached, stored := &QueryList{}, &QueryList{}
	t.Must(made.List(t, cached), "list the cache")
	t.Must(on.List(t, stored, client.InNamespace(t.Namespace)), "list the store")
	t.Equal(len(cached.Items), 1, "objects in the cache")
	t.Equal(cached.Items[0].ResourceVersion, stored.Items[0].ResourceVersion, "resourceVersion")
	t.Equal(cached.Items[0].Spec.Input, "Will it snow?", "input")
}

func cachedClient(t *rule.T) {
	made, stop := startCache(t, here(t), func(cache.Cache) {})
	defer stop()
	on := rule.Get[client.Client](t, "make a client")(client.New(rule.Config(t), client.Options{
		Scheme: known, Cache: &client.CacheOptions{Reader: made}}))
	query := newQuery(t, "one")
	t.Must(on.Create(t, query), "create")
	t.Eventually(func() bool {
		found := &Query{}
		return on.Get(t, key(t, "one"), found) == nil && found.ResourceVersion == query.ResourceVersion
	}, "the cache has it")
}
