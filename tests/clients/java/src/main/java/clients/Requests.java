package clients;

import static clients.Program.holds;
import static clients.Program.namespace;
import static clients.Program.rule;
import static clients.Program.same;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.NonNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Rules of single requests. */
final class Requests {
    private static KubernetesClient client;

    private Requests() {}

    static KubernetesClient client() {
        if (client == null) {
            client = new KubernetesClientBuilder().build();
        }
        return client;
    }

    private static NonNamespaceOperation<
            GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            generic(String group, String version, String kind, String plural) {
        ResourceDefinitionContext context = new ResourceDefinitionContext.Builder()
                .withGroup(group)
                .withVersion(version)
                .withKind(kind)
                .withPlural(plural)
                .withNamespaced(true)
                .build();
        MixedOperation<
                GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
                all = client().genericKubernetesResources(context);
        return all.inNamespace(namespace);
    }

    static NonNamespaceOperation<
            GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            widgets() {
        return generic(Program.PROBE, "v1", "Widget", "widgets");
    }

    static GenericKubernetesResource widget(String name, Map<String, Object> more) {
        Map<String, Object> spec = new HashMap<>(Map.of("color", "red"));
        spec.putAll(more);
        return new GenericKubernetesResourceBuilder()
                .withApiVersion(Program.PROBE + "/v1")
                .withKind("Widget")
                .withNewMetadata()
                .withName(name)
                .endMetadata()
                .withAdditionalProperties(new HashMap<>(Map.of("spec", spec)))
                .build();
    }

    static NonNamespaceOperation<Query, io.fabric8.kubernetes.api.model.KubernetesResourceList<Query>, Resource<Query>>
            queries() {
        return client().resources(Query.class).inNamespace(namespace);
    }

    static KubernetesClientException refused(Program.Check call) throws Exception {
        try {
            call.run();
        } catch (KubernetesClientException error) {
            return error;
        }
        throw new AssertionError("was not refused");
    }

    static List<String> names(List<? extends HasMetadata> items) {
        return items.stream().map(one -> one.getMetadata().getName()).collect(Collectors.toList());
    }

    static void define() {
        rule("the_version_and_the_groups_are_read", Requests::version);
        rule("a_generic_resource_is_written_and_read", Requests::genericResource);
        rule("a_custom_class_is_written_and_read", Requests::customClass);
        rule("errors_carry_code_and_status", Requests::errors);
        rule("edits_are_json_patches", Requests::edits);
        rule("patches_are_of_every_type", Requests::patches);
        rule("status_is_edited_and_patched", Requests::status);
        rule("a_resource_is_scaled", Requests::scale);
        rule("lists_are_paged_and_selected", Requests::lists);
    }

    private static void version() {
        same(client().getKubernetesVersion().getMajor(), "1");
        List<String> groups = client().getApiGroups().getGroups().stream()
                .map(one -> one.getName())
                .collect(Collectors.toList());
        holds(groups.contains(Program.GROUP) && groups.contains("coordination.k8s.io"), groups);
        holds(client().supports(Query.class), "Query");
        holds(!client().supports("example.com/v1", "Nothing"), "Nothing");
    }

    private static void genericResource() {
        var queries = generic(Program.GROUP, "v1alpha1", "Query", "queries");
        GenericKubernetesResource body = new GenericKubernetesResourceBuilder()
                .withApiVersion(Program.GROUP + "/v1alpha1")
                .withKind("Query")
                .withNewMetadata()
                .withName("generic")
                .addToLabels("a", "b")
                .endMetadata()
                .withAdditionalProperties(new HashMap<>(Map.of("spec", Map.of("input", "Why?"))))
                .build();
        GenericKubernetesResource made = queries.resource(body).create();
        same(made.get("spec", "timeout"), "5m");
        same(queries.withName("generic").get(), made);
        same(names(queries.withLabel("a", "b").list().getItems()), List.of("generic"));
        made.setAdditionalProperties(new HashMap<>(Map.of("spec", Map.of("input", "Replaced?"))));
        same(queries.resource(made).update().get("spec", "input"), "Replaced?");
        queries.withName("generic").delete();
        same(queries.withName("generic").get(), null);
    }

    private static void customClass() {
        Query made = queries().resource(Query.named("first")).create();
        same(made.getSpec().timeout, "5m");
        same(made.getMetadata().getGeneration(), 1L);
        same(queries().withName("first").get().getMetadata(), made.getMetadata());
        made.getSpec().ttl = "1h";
        same(queries().resource(made).update().getSpec().ttl, "1h");
        Query again = queries().resource(Query.named("first")).createOr(one -> one.update());
        same(again.getMetadata().getUid(), made.getMetadata().getUid());
    }

    private static void errors() throws Exception {
        same(queries().withName("missing").get(), null);
        KubernetesClientException error = refused(() -> queries().withName("missing").edit(one -> one));
        holds(error.getCode() == 404 || error.getMessage().contains("item does not exist"), error);
        error = refused(() -> queries().resource(Query.named("first")).create());
        same(error.getCode(), 409);
        same(error.getStatus().getReason(), "AlreadyExists");
        error = refused(() -> widgets().resource(widget("bad", Map.of("color", "purple"))).create());
        same(error.getCode(), 422);
        same(error.getStatus().getDetails().getCauses().get(0).getField(), "spec.color");
        Query old = queries().withName("first").get();
        queries().withName("first").edit(one -> {
            one.getSpec().ttl = "2h";
            return one;
        });
        error = refused(() -> queries().resource(old).lockResourceVersion().update());
        same(error.getCode(), 409);
        same(error.getStatus().getReason(), "Conflict");
    }

    private static void edits() {
        Query edited = queries().withName("first").edit(one -> {
            one.getSpec().ttl = "3h";
            one.getMetadata().setLabels(Map.of("x/y", "z"));
            return one;
        });
        same(edited.getSpec().ttl, "3h");
        same(edited.getMetadata().getLabels(), Map.of("x/y", "z"));
        String before = edited.getMetadata().getResourceVersion();
        Query same = queries().withName("first").edit(one -> one);
        same(same.getMetadata().getResourceVersion(), before);
    }

    private static void patches() throws Exception {
        var first = queries().withName("first");
        same(first.patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"ttl\":null}}").getSpec().ttl, null);
        String steps = "[{\"op\":\"add\",\"path\":\"/spec/ttl\",\"value\":\"4h\"}]";
        same(first.patch(PatchContext.of(PatchType.JSON), steps).getSpec().ttl, "4h");
        PatchContext strategic = PatchContext.of(PatchType.STRATEGIC_MERGE);
        same(refused(() -> first.patch(strategic, "{\"spec\":{}}")).getCode(), 415);
        client().configMaps().inNamespace(namespace).resource(map("patched", "a", "1")).create();
        ConfigMap merged = client().configMaps()
                .inNamespace(namespace)
                .withName("patched")
                .patch(strategic, "{\"data\":{\"b\":\"2\"}}");
        same(merged.getData(), Map.of("a", "1", "b", "2"));
    }

    private static void status() {
        Query edited = queries().withName("first").editStatus(one -> {
            one.setStatus(new Query.Status());
            one.getStatus().phase = "running";
            one.getSpec().input = "Not by status";
            return one;
        });
        same(edited.getStatus().phase, "running");
        same(edited.getSpec().input, "Why is the sky blue?");
        Query changed = queries().withName("first").get();
        changed.getStatus().phase = "done";
        same(queries().resource(changed).updateStatus().getStatus().phase, "done");
        changed = queries().withName("first").get();
        changed.getStatus().phase = "error";
        same(queries().resource(changed).patchStatus().getStatus().phase, "error");
    }

    private static void scale() {
        widgets().resource(widget("scaled", Map.of("replicas", 1))).create();
        same(widgets().withName("scaled").scale().getSpec().getReplicas(), 1);
        widgets().withName("scaled").scale(3);
        same(widgets().withName("scaled").get().get("spec", "replicas"), 3);
    }

    private static void lists() throws Exception {
        for (int number = 0; number < 7; number++) {
            Query one = Query.named("page-" + number);
            one.getMetadata().setLabels(Map.of("set", "pages"));
            queries().resource(one).create();
        }
        List<String> found = new ArrayList<>();
        String token = null;
        do {
            var page = queries()
                    .withLabelIn("set", "pages", "others")
                    .list(new ListOptionsBuilder().withLimit(3L).withContinue(token).build());
            found.addAll(names(page.getItems()));
            token = page.getMetadata().getContinue();
        } while (token != null && !token.isEmpty());
        same(found.size(), 7);
        same(found.get(6), "page-6");
        same(names(queries().withField("metadata.name", "page-3").list().getItems()), List.of("page-3"));
        same(names(queries().withLabel("set").withoutLabel("set", "pages").list().getItems()), List.of());
        same(refused(() -> queries().withField("spec.input", "x").list()).getCode(), 400);
        holds(client().resources(Query.class).inAnyNamespace().withLabel("set", "pages").list().getItems().size() >= 7, "");
    }

    static ConfigMap map(String name, String key, String value) {
        return new ConfigMapBuilder().withNewMetadata().withName(name).endMetadata().addToData(key, value).build();
    }
}
