package main

import (
	"reflect"
	"strings"

	openapiv2 "github.com/google/gnostic-models/openapiv2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"ark-apiserver/tests/clients/rule"
)

var discoveryRules = rule.Rules{
	"discovery_names_every_resource":                discoveryNames,
	"kinds_and_resources_map_both_ways":             discoveryMapper,
	"short_names_and_categories_are_known":          discoveryShortcuts,
	"discovery_without_aggregation_is_equal":        discoveryLegacy,
	"openapi_tells_the_schema_of_a_kind":            discoveryOpenAPI,
	"openapi_says_in_protobuf_what_it_says_in_json": discoveryProtobuf,
	"the_version_is_one_that_clients_parse":         discoveryVersion,
}

func discoverer(t *rule.T) *discovery.DiscoveryClient {
	return rule.Get[*discovery.DiscoveryClient](t, "make a client")(discovery.NewDiscoveryClientForConfig(rule.Config(t)))
}

func verbs(lists []*metav1.APIResourceList) map[string]string {
	found := map[string]string{}
	for _, list := range lists {
		for _, one := range list.APIResources {
			found[list.GroupVersion+" "+one.Name] = one.Kind + " " + strings.Join(one.Verbs, ",")
		}
	}
	return found
}

func discoveryNames(t *rule.T) {
	_, lists, err := discoverer(t).ServerGroupsAndResources()
	t.Must(err, "discover")
	found := verbs(lists)
	all := "delete,deletecollection,get,list,patch,create,update,watch"
	for name, want := range map[string]string{
		"ark.mckinsey.com/v1alpha1 queries":        "Query " + all,
		"ark.mckinsey.com/v1alpha1 queries/status": "Query get,patch,update",
		"probe.example.com/v1 widgets/scale":       "Scale get,patch,update",
		"probe.example.com/v1beta1 widgets":        "Widget " + all,
		"v1 secrets":                               "Secret create,delete,deletecollection,get,list,patch,update,watch",
		"coordination.k8s.io/v1 leases":            "Lease create,delete,deletecollection,get,list,patch,update,watch",
		"v1 events":                                "Event create,delete,deletecollection,get,list,patch,update,watch",
		"events.k8s.io/v1 events":                  "Event create,delete,deletecollection,get,list,patch,update,watch",
	} {
		t.Equal(found[name], want, name)
	}
}

func discoveryMapper(t *rule.T) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discoverer(t)))
	mapping, err := mapper.RESTMapping(rule.Query.GroupKind())
	t.Must(err, "map Query")
	t.Equal(mapping.Resource, rule.Queries, "resource")
	t.Equal(string(mapping.Scope.Name()), "namespace", "scope")
	mapping, err = mapper.RESTMapping(schema.GroupKind{Group: "probe.example.com", Kind: "Plate"})
	t.Must(err, "map Plate")
	t.Equal(string(mapping.Scope.Name()), "root", "scope")
	preferred, err := mapper.ResourceFor(schema.GroupVersionResource{Resource: "widgets"})
	t.Must(err, "find widgets")
	t.Equal(preferred, rule.Widgets, "the preferred version")
	old, err := mapper.KindFor(schema.GroupVersionResource{Group: "probe.example.com", Version: "v1beta1", Resource: "widget"})
	t.Must(err, "find v1beta1")
	t.Equal(old.Version, "v1beta1", "the version asked for")
}

func discoveryShortcuts(t *rule.T) {
	cached := memory.NewMemCacheClient(discoverer(t))
	shortcuts := restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
	found, err := shortcuts.ResourceFor(schema.GroupVersionResource{Resource: "wdg"})
	t.Must(err, "find wdg")
	t.Equal(found, rule.Widgets, "the resource of a short name")
	members, known := restmapper.NewDiscoveryCategoryExpander(cached).Expand("probes")
	t.True(known, "there is no category")
	for _, member := range members { // one a version
		t.Equal(member, rule.Widgets.GroupResource(), "member of the category")
	}
	t.True(len(members) > 0, "the category is empty")
}

func discoveryLegacy(t *rule.T) {
	legacy := discoverer(t)
	legacy.UseLegacyDiscovery = true
	_, old, err := legacy.ServerGroupsAndResources()
	t.Must(err, "discover one by one")
	_, aggregated, err := discoverer(t).ServerGroupsAndResources()
	t.Must(err, "discover at once")
	t.Equal(verbs(old), verbs(aggregated), "resources")
	preferred, err := legacy.ServerPreferredResources()
	t.Must(err, "preferred resources")
	t.True(len(preferred) > 3, "only %d groups", len(preferred))
}

func discoveryOpenAPI(t *rule.T) {
	var document openapi.Client = discoverer(t).OpenAPIV3()
	spec, err := openapi3.NewRoot(document).GVSpec(rule.Ark)
	t.Must(err, "read the document")
	query := spec.Components.Schemas["com.mckinsey.ark.v1alpha1.Query"]
	t.True(query != nil, "there is no schema of Query")
	t.Equal(query.Properties["spec"].Required, []string{"input"}, "required members of the spec")
	operation := spec.Paths.Paths["/apis/ark.mckinsey.com/v1alpha1/namespaces/{namespace}/queries/{name}"]
	t.True(operation != nil && operation.Patch != nil, "there is no patch of a query")
	_, applies := operation.Patch.RequestBody.Content["application/apply-patch+yaml"]
	t.True(applies, "the patch takes no apply")
	old, err := discoverer(t).OpenAPISchema()
	t.Must(err, "read the document of version 2")
	t.True(len(old.GetPaths().GetPath()) > 20, "only %d paths", len(old.GetPaths().GetPath()))
}

func discoveryProtobuf(t *rule.T) {
	inProtobuf, err := discoverer(t).OpenAPISchema()
	t.Must(err, "read the document in protobuf")
	text, err := discoverer(t).RESTClient().Get().AbsPath("/openapi/v2").SetHeader("Accept", "application/json").Do(t).Raw()
	t.Must(err, "read the document in JSON")
	inJSON, err := openapiv2.ParseDocument(text)
	t.Must(err, "parse the document in JSON")
	values := [2]map[string]any{}
	for place, document := range []*openapiv2.Document{inProtobuf, inJSON} {
		whole, err := document.YAMLValue("")
		t.Must(err, "write the document as YAML")
		t.Must(yaml.Unmarshal(whole, &values[place]), "read the YAML")
	}
	for _, part := range []string{"paths", "definitions"} {
		left, right := values[0][part].(map[string]any), values[1][part].(map[string]any)
		t.Equal(len(left), len(right), part)
		for name := range left {
			t.True(reflect.DeepEqual(left[name], right[name]), "%s %s: %v is not %v", part, name, left[name], right[name])
		}
	}
	t.True(reflect.DeepEqual(values[0], values[1]), "the rest of the documents differs")
}

func discoveryVersion(t *rule.T) {
	version, err := discoverer(t).ServerVersion()
	t.Must(err, "get the version")
	t.Equal(version.Major+"."+version.Minor, "1.36", "version")
	t.True(strings.HasPrefix(version.GitVersion, "v1.36."), "gitVersion %s", version.GitVersion)
}
