package clients;

import static clients.Program.holds;
import static clients.Program.namespace;
import static clients.Program.rule;
import static clients.Program.same;
import static clients.Program.until;
import static clients.Requests.client;
import static clients.Requests.map;
import static clients.Requests.names;
import static clients.Requests.queries;
import static clients.Requests.refused;
import static clients.Requests.widget;
import static clients.Requests.widgets;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.DeletionPropagation;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Rules of applying, and of what is written and deleted together. */
final class Writing {
    private Writing() {}

    static void define() {
        rule("server_side_apply_creates_and_conflicts", Writing::apply);
        rule("an_applied_status_is_its_own_entry", Writing::applyStatus);
        rule("an_update_is_locked_to_its_version", Writing::locked);
        rule("core_objects_are_written_and_read", Writing::core);
        rule("a_stream_of_documents_is_loaded", Writing::documents);
        rule("a_dry_run_stores_nothing", Writing::dryRun);
        rule("deletions_cascade", Writing::cascade);
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
