package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/schemaconv"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Types makes typed values of one kind: of a custom one when parser is set.
type Types struct {
	parser  *typed.Parser
	name    string
	builtIn managedfields.TypeConverter
}

func (t *Types) custom(text json.RawMessage) error {
	var properties apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(text, &properties); err != nil {
		return err
	}
	if err := structural(&properties); err != nil {
		return err
	}
	definition := &apiextensionsv1.CustomResourceDefinition{
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "x.io",
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: "foos", Singular: "foo", Kind: "Foo", ListKind: "FooList",
			},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &properties},
			}},
		},
	}
	document, err := builder.BuildOpenAPIV3(definition, "v1", builder.Options{})
	if err != nil {
		return err
	}
	merged, err := builder.MergeSpecsV3(document)
	if err != nil {
		return err
	}
	types, err := schemaconv.ToSchemaFromOpenAPI(merged.Components.Schemas, false)
	if err != nil {
		return err
	}
	t.parser = &typed.Parser{Schema: schema.Schema{Types: types.Types}}
	t.name = ""
	for _, each := range types.Types {
		if strings.HasSuffix(each.Name, ".v1.Foo") {
			t.name = each.Name
		}
	}
	if t.name == "" {
		return fmt.Errorf("the schema is not structural")
	}
	return nil
}

// structural says why a schema would be ignored.
func structural(properties *apiextensionsv1.JSONSchemaProps) error {
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(properties, &internal, nil); err != nil {
		return err
	}
	made, err := structuralschema.NewStructural(&internal)
	if err != nil {
		return err
	}
	return structuralschema.ValidateStructural(nil, made).ToAggregate()
}

func (t *Types) useBuiltIn() {
	t.parser = nil
	if t.builtIn == nil {
		t.builtIn = applyconfigurations.NewTypeConverter(scheme.Scheme)
	}
}

func (t *Types) value(text json.RawMessage, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	object := decode(text)
	if t.parser != nil {
		return t.parser.Type(t.name).FromUnstructured(object, options...)
	}
	return t.builtIn.ObjectToTyped(&unstructured.Unstructured{Object: object.(map[string]any)}, options...)
}

// reference names the type in its schema.
func (t *Types) reference() (*schema.Schema, schema.TypeRef) {
	if t.parser != nil {
		kind := t.parser.Type(t.name)
		return kind.Schema, kind.TypeRef
	}
	panic("only for custom types")
}
