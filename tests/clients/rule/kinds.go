package rule

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds that rules are tried with: Ark's, and a kind of two versions with everything that Ark's do not use.
var (
	Ark    = schema.GroupVersion{Group: "ark.mckinsey.com", Version: "v1alpha1"}
	Probe  = schema.GroupVersion{Group: "probe.example.com", Version: "v1"}
	Query  = Ark.WithKind("Query")
	Agent  = Ark.WithKind("Agent")
	Tool   = Ark.WithKind("Tool")
	Model  = Ark.WithKind("Model")
	Widget = Probe.WithKind("Widget")

	Queries = Ark.WithResource("queries")
	Agents  = Ark.WithResource("agents")
	Tools   = Ark.WithResource("tools")
	Widgets = Probe.WithResource("widgets")
)

// Object is an object of a kind, with a spec.
func Object(kind schema.GroupVersionKind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	made.SetGroupVersionKind(kind)
	made.SetNamespace(namespace)
	made.SetName(name)
	return made
}

// NewQuery is a query that is valid.
func NewQuery(namespace, name string) *unstructured.Unstructured {
	target := map[string]any{"type": "agent", "name": "weather"}
	return Object(Query, namespace, name, map[string]any{"input": "Will it rain?", "target": target})
}

// NewAgent is an agent that is valid.
func NewAgent(namespace, name string) *unstructured.Unstructured {
	return Object(Agent, namespace, name, map[string]any{"prompt": "Be brief.", "description": "Knows the weather"})
}

// NewWidget is a widget that is valid.
func NewWidget(namespace, name string) *unstructured.Unstructured {
	return Object(Widget, namespace, name, map[string]any{"color": "red", "replicas": int64(2)})
}

// Member is what stands at a path of an object, or nil.
func Member(object *unstructured.Unstructured, path ...string) any {
	found, _, _ := unstructured.NestedFieldNoCopy(object.Object, path...)
	return found
}
