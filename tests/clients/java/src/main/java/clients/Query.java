package clients;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;

/** Ark's Query, with what the rules need of it. */
@Group(Program.GROUP)
@Version("v1alpha1")
@Plural("queries")
public class Query extends CustomResource<Query.Spec, Query.Status> implements Namespaced {
    private static final long serialVersionUID = 1L;

    /** What is asked. */
    @com.fasterxml.jackson.annotation.JsonIgnoreProperties(ignoreUnknown = true)
    @com.fasterxml.jackson.annotation.JsonInclude(com.fasterxml.jackson.annotation.JsonInclude.Include.NON_NULL)
    public static class Spec {
        public String input;
        public String ttl;
        public String timeout;
        public String type;
    }

    /** How far it is. */
    @com.fasterxml.jackson.annotation.JsonIgnoreProperties(ignoreUnknown = true)
    @com.fasterxml.jackson.annotation.JsonInclude(com.fasterxml.jackson.annotation.JsonInclude.Include.NON_NULL)
    public static class Status {
        public String phase;
    }

    static Query named(String name) {
        Query made = new Query();
        made.getMetadata().setName(name);
        made.setSpec(new Spec());
        made.getSpec().input = "Why is the sky blue?";
        return made;
    }
}
