package clients;

import static clients.Program.holds;
import static clients.Program.namespace;
import static clients.Program.rule;
import static clients.Program.same;
import static clients.Program.until;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.DeletionPropagation;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.NonNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
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

    private static NonNamespaceOperation<
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

    private static KubernetesClientException refused(Program.Check call) throws Exception {
        try {
            call.run();
        } catch (KubernetesClientException error) {
            return error;
        }
        throw new AssertionError("was not refused");
    }

    private static List<String> names(List<? extends HasMetadata> items) {
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
        rule("server_side_apply_creates_and_conflicts", Requests::apply);
        rule("an_applied_status_is_its_own_entry", Requests::applyStatus);
        rule("an_update_is_locked_to_its_version", Requests::locked);
        rule("core_objects_are_written_and_read", Requests::core);
        rule("a_stream_of_documents_is_loaded", Requests::documents);
        rule("a_dry_run_stores_nothing", Requests::dryRun);
        rule("deletions_cascade", Requests::cascade);
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

    private static GenericKubernetesResource applied(String manager, boolean force, Map<String, Object> spec) {
        Resource<GenericKubernetesResource> one = widgets().resource(widget("applied", spec));
        return force
                ? one.fieldManager(manager).forceConflicts().serverSideApply()
                : one.fieldManager(manager).serverSideApply();
    }

    private static void apply() throws Exception {
        GenericKubernetesResource made = applied("one", false, Map.of("size", 2));
        same(made.getMetadata().getManagedFields().get(0).getManager(), "one");
        same(made.getMetadata().getManagedFields().get(0).getOperation(), "Apply");
        List<Map<String, Object>> ports = List.of(Map.of("name", "web", "port", 80));
        holds(applied("two", false, Map.of("ports", ports)).get("spec", "size").equals(2), "");
        KubernetesClientException error = refused(() -> applied("two", false, Map.of("size", 3)));
        same(error.getCode(), 409);
        same(error.getStatus().getDetails().getCauses().get(0).getField(), ".spec.size");
        same(applied("two", true, Map.of("size", 3)).get("spec", "size"), 3);
        String before = widgets().withName("applied").get().getMetadata().getResourceVersion();
        same(applied("two", false, Map.of("size", 3)).getMetadata().getResourceVersion(), before);
    }

    private static void applyStatus() {
        GenericKubernetesResource body = widget("applied", Map.of());
        body.setAdditionalProperties(new HashMap<>(Map.of("status", Map.of("phase", "Ready"))));
        PatchContext context = new PatchContext.Builder()
                .withPatchType(PatchType.SERVER_SIDE_APPLY)
                .withFieldManager("controller")
                .withForce(true)
                .build();
        GenericKubernetesResource answer =
                widgets().withName("applied").subresource("status").patch(context, body);
        same(answer.get("status", "phase"), "Ready");
        holds(
                answer.getMetadata().getManagedFields().stream()
                        .anyMatch(one -> "status".equals(one.getSubresource()) && "controller".equals(one.getManager())),
                answer.getMetadata().getManagedFields());
    }

    private static void locked() throws Exception {
        Query old = queries().withName("page-0").get();
        queries().withName("page-0").edit(one -> {
            one.getSpec().ttl = "9h";
            return one;
        });
        old.getSpec().ttl = "8h";
        same(refused(() -> queries().resource(old).update()).getCode(), 409);
        // Without a lock the client takes the newest version and writes over it.
        same(queries().resource(old).unlock().update().getSpec().ttl, "8h");
    }

    static ConfigMap map(String name, String key, String value) {
        return new ConfigMapBuilder().withNewMetadata().withName(name).endMetadata().addToData(key, value).build();
    }

    private static void core() {
        ConfigMap made = client().configMaps().inNamespace(namespace).resource(map("core", "a", "b")).create();
        same(client().configMaps().inNamespace(namespace).withName("core").get(), made);
        Secret secret = new SecretBuilder()
                .withNewMetadata()
                .withName("core")
                .endMetadata()
                .addToStringData("token", "hunter2")
                .build();
        secret = client().secrets().inNamespace(namespace).resource(secret).create();
        same(new String(Base64.getDecoder().decode(secret.getData().get("token")), StandardCharsets.UTF_8), "hunter2");
        Service service = new ServiceBuilder()
                .withNewMetadata()
                .withName("core")
                .endMetadata()
                .withNewSpec()
                .withType("ExternalName")
                .withExternalName("a.example.com")
                .addNewPort()
                .withPort(80)
                .endPort()
                .endSpec()
                .build();
        same(client().services().inNamespace(namespace).resource(service).create().getSpec().getPorts().size(), 1);
        client().v1().events().inNamespace(namespace).resource(new EventBuilder()
                .withNewMetadata().withName("core").endMetadata()
                .withNewInvolvedObject().withKind("Query").withName("first").withNamespace(namespace).endInvolvedObject()
                .withReason("Asked").withMessage("m").withType("Normal")
                .build()).create();
        same(names(client().v1().events().inNamespace(namespace)
                .withField("involvedObject.name", "first").list().getItems()), List.of("core"));
        same(client().namespaces().withName(namespace).get().getStatus().getPhase(), "Active");
    }

    private static void documents() {
        String text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y1}\ndata: {a: b}\n---\n"
                + "apiVersion: " + Program.GROUP + "/v1alpha1\nkind: Query\nmetadata: {name: y2}\n"
                + "spec: {input: \"Hello?\"}\n";
        for (int times = 0; times < 2; times++) {
            client().load(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)))
                    .inNamespace(namespace)
                    .serverSideApply();
        }
        same(queries().withName("y2").get().getSpec().input, "Hello?");
        client().load(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)))
                .inNamespace(namespace)
                .delete();
        same(queries().withName("y2").get(), null);
    }

    private static void dryRun() {
        same(queries().resource(Query.named("dry")).dryRun().create().getMetadata().getName(), "dry");
        same(queries().withName("dry").get(), null);
        queries().withName("first").dryRun().delete();
        holds(queries().withName("first").get() != null, "deleted");
    }

    private static void family(String parent, String child) {
        Query owner = queries().resource(Query.named(parent)).create();
        ConfigMap body = map(child, "a", "b");
        body.getMetadata().setOwnerReferences(List.of(new OwnerReferenceBuilder()
                .withApiVersion(owner.getApiVersion())
                .withKind("Query")
                .withName(parent)
                .withUid(owner.getMetadata().getUid())
                .withBlockOwnerDeletion(true)
                .build()));
        client().configMaps().inNamespace(namespace).resource(body).create();
    }

    private static void cascade() throws Exception {
        family("parent-1", "child-1");
        family("parent-2", "child-2");
        family("parent-3", "child-3");
        queries().withName("parent-1").withPropagationPolicy(DeletionPropagation.BACKGROUND).delete();
        queries().withName("parent-2").withPropagationPolicy(DeletionPropagation.FOREGROUND).delete();
        queries().withName("parent-3").withPropagationPolicy(DeletionPropagation.ORPHAN).delete();
        var maps = client().configMaps().inNamespace(namespace);
        until(() -> maps.withName("child-1").get() == null && maps.withName("child-2").get() == null);
        until(() -> queries().withName("parent-2").get() == null && queries().withName("parent-3").get() == null);
        until(() -> maps.withName("child-3").get().getMetadata().getOwnerReferences().isEmpty());
        queries().withLabel("set", "pages").delete();
        until(() -> queries().withLabel("set", "pages").list().getItems().isEmpty());
    }
}
