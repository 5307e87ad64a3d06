package clients;

import static clients.Requests.client;
import static clients.Requests.map;
import static clients.Requests.queries;
import static clients.Program.holds;
import static clients.Program.namespace;
import static clients.Program.rule;
import static clients.Program.same;
import static clients.Program.until;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.ConfigMapLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Rules of what goes on. */
final class Following {
    private Following() {}

    static void define() {
        rule("a_watch_follows_from_a_resource_version", Following::watch);
        rule("an_informer_keeps_a_store", Following::informer);
        rule("an_informer_is_told_again_after_its_resync_period", Following::resync);
        rule("an_informer_has_indexes", Following::indexes);
        rule("an_informer_survives_cuts", Following::cuts);
        rule("a_condition_is_waited_for", Following::conditions);
        rule("a_lease_elects_one_leader", () -> elect("lease", name -> new LeaseLock(namespace, "lease", name)));
        rule("a_config_map_elects_one_leader", () -> elect("map", name -> new ConfigMapLock(namespace, "map", name)));
    }

    private static void watch() throws Exception {
        String start = queries().resource(Query.named("watched")).create().getMetadata().getResourceVersion();
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        Watcher<Query> watcher = new Watcher<>() {
            @Override
            public void eventReceived(Action action, Query one) {
                seen.add(action + " " + one.getSpec().ttl);
            }

            @Override
            public void onClose(WatcherException cause) {
                seen.add("closed " + cause);
            }
        };
        try (Watch watch = queries().watch(new ListOptionsBuilder().withResourceVersion(start).build(), watcher)) {
            queries().withName("watched").edit(one -> {
                one.getSpec().ttl = "1h";
                return one;
            });
            queries().withName("watched").delete();
            until(() -> seen.size() == 2);
        }
        same(seen.subList(0, 2), List.of("MODIFIED 1h", "DELETED 1h"));
    }

    private static final class Counter implements ResourceEventHandler<ConfigMap> {
        final AtomicInteger added = new AtomicInteger();
        final AtomicInteger updated = new AtomicInteger();
        final AtomicInteger deleted = new AtomicInteger();

        @Override
        public void onAdd(ConfigMap one) {
            added.incrementAndGet();
        }

        @Override
        public void onUpdate(ConfigMap old, ConfigMap one) {
            updated.incrementAndGet();
        }

        @Override
        public void onDelete(ConfigMap one, boolean unknown) {
            deleted.incrementAndGet();
        }
    }

    private static SharedIndexInformer<ConfigMap> follow(KubernetesClient by, String set, Counter told, long resync) {
        return by.configMaps().inNamespace(namespace).withLabel("set", set).inform(told, resync);
    }

    private static Map<String, String> values(SharedIndexInformer<ConfigMap> informer) {
        Map<String, String> found = new TreeMap<>();
        informer.getStore().list().forEach(one -> found.put(one.getMetadata().getName(), one.getData().get("n")));
        return found;
    }

    private static void put(String name, String set, String value) {
        ConfigMap body = map(name, "n", value);
        body.getMetadata().setLabels(Map.of("set", set));
        client().configMaps().inNamespace(namespace).resource(body).create();
    }

    private static void change(String name, String value) {
        client().configMaps().inNamespace(namespace).withName(name).edit(one -> {
            one.setData(Map.of("n", value));
            return one;
        });
    }

    private static void informer() throws Exception {
        put("early", "store", "1");
        Counter told = new Counter();
        try (SharedIndexInformer<ConfigMap> informer = follow(client(), "store", told, 0)) {
            same(values(informer), Map.of("early", "1"));
            put("late", "store", "1");
            change("early", "2");
            until(() -> values(informer).equals(Map.of("early", "2", "late", "1")));
            client().configMaps().inNamespace(namespace).withName("early").delete();
            until(() -> values(informer).equals(Map.of("late", "1")));
            until(() -> told.deleted.get() == 1);
            same(List.of(told.added.get(), told.updated.get()), List.of(2, 1));
            holds(informer.lastSyncResourceVersion() != null && informer.isWatching(), "");
        }
    }

    private static void resync() throws Exception {
        put("again", "resync", "1");
        Counter told = new Counter();
        try (SharedIndexInformer<ConfigMap> informer = follow(client(), "resync", told, 1000)) {
            until(() -> told.updated.get() >= 2);
            same(told.added.get(), 1);
        }
    }

    private static void indexes() throws Exception {
        put("index-1", "index", "a");
        put("index-2", "index", "b");
        try (SharedIndexInformer<ConfigMap> informer = client()
                .configMaps()
                .inNamespace(namespace)
                .withLabel("set", "index")
                .runnableInformer(0)) {
            informer.addIndexers(Map.of("value", one -> List.of(one.getData().get("n"))));
            informer.run();
            until(() -> informer.getIndexer().byIndex("value", "b").size() == 1);
            same(informer.getIndexer().byIndex("namespace", namespace).size(), 2);
            change("index-1", "b");
            until(() -> informer.getIndexer().byIndex("value", "b").size() == 2);
        }
    }

    private static void cuts() throws Exception {
        Config config = Config.autoConfigure(null);
        URI server = URI.create(config.getMasterUrl());
        Relay relay = new Relay(server.getHost(), server.getPort());
        config.setMasterUrl("https://127.0.0.1:" + relay.port() + "/");
        config.setWatchReconnectInterval(50);
        Counter told = new Counter();
        Map<String, String> expected = new TreeMap<>();
        try (KubernetesClient follower = new KubernetesClientBuilder().withConfig(config).build();
                SharedIndexInformer<ConfigMap> informer = follow(follower, "cut", told, 0)) {
            for (int number = 0; number < 10; number++) {
                put("cut-" + number, "cut", "0");
                relay.cut();
                change("cut-" + number, "1");
                expected.put("cut-" + number, "1");
                Thread.sleep(30);
            }
            until(() -> values(informer).equals(expected));
            same(told.added.get() - told.deleted.get(), 10);
            holds(relay.connections.get() > 2, relay.connections);
        }
    }

    private static void conditions() throws Exception {
        var waited = queries().withName("waited");
        later(() -> queries().resource(Query.named("waited")).create());
        waited.waitUntilCondition(one -> one != null, 20, TimeUnit.SECONDS);
        later(() -> waited.editStatus(one -> {
            one.setStatus(new Query.Status());
            one.getStatus().phase = "done";
            return one;
        }));
        Query done = waited.waitUntilCondition(
                one -> one != null && one.getStatus() != null && "done".equals(one.getStatus().phase),
                20,
                TimeUnit.SECONDS);
        same(done.getStatus().phase, "done");
        later(waited::delete);
        waited.waitUntilCondition(one -> one == null, 20, TimeUnit.SECONDS);
    }

    private static void later(Runnable task) {
        CompletableFuture.runAsync(task, CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS));
    }

    private static void elect(String what, Function<String, Lock> lock) throws Exception {
        List<String> leaders = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<?> first = candidate("one", lock, leaders);
        until(() -> leaders.size() == 1);
        CompletableFuture<?> second = candidate("two", lock, leaders);
        Thread.sleep(1500);
        same(leaders, List.of("one"));
        first.cancel(true);
        until(() -> leaders.size() == 2);
        same(leaders, List.of("one", "two"));
        second.cancel(true);
    }

    private static CompletableFuture<?> candidate(String name, Function<String, Lock> lock, List<String> leaders) {
        return client().leaderElector().withConfig(new LeaderElectionConfigBuilder()
                .withName(name)
                .withLeaseDuration(Duration.ofSeconds(4))
                .withRenewDeadline(Duration.ofSeconds(3))
                .withRetryPeriod(Duration.ofMillis(500))
                .withReleaseOnCancel(true)
                .withLock(lock.apply(name))
                .withLeaderCallbacks(new LeaderCallbacks(() -> leaders.add(name), () -> {}, leader -> {}))
                .build()).build().start();
    }
}
