// Verdicts says what Kubernetes' own code makes of objects: which fields it prunes, what it
// defaults, and which faults it finds.
//
// Each line of standard input is a JSON object. One with a schema sets the schema for those
// that follow; the others hold an obj, perhaps the old object of an update, and raw if the
// object is only to be validated. One line of answer is written for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/cel/common"
)

type question struct {
	Schema *apiextensionsv1.JSONSchemaProps `json:"schema"`
	Obj    json.RawMessage                  `json:"obj"`
	Old    json.RawMessage                  `json:"old"`
	Raw    bool                             `json:"raw"`
}

type judge struct {
	structural *structuralschema.Structural
	validator  validation.SchemaValidator
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	j := &judge{}
	for lines.Scan() {
		var q question
		check(json.Unmarshal(lines.Bytes(), &q))
		if q.Schema != nil {
			check(answers.Encode(map[string]any{"schema": j.learn(q.Schema)}))
		} else {
			check(answers.Encode(j.verdict(q)))
		}
	}
	check(lines.Err())
}

func (j *judge) learn(schema *apiextensionsv1.JSONSchemaProps) []string {
	var internal apiextensions.JSONSchemaProps
	check(apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, &internal, nil))
	var err error
	j.structural, err = structuralschema.NewStructural(&internal)
	check(err)
	j.validator, _, err = validation.NewSchemaValidator(&internal)
	check(err)
	return texts(structuralschema.ValidateStructural(nil, j.structural))
}

func (j *judge) verdict(q question) map[string]any {
	obj := decode(q.Obj)
	unknown := []string{}
	if !q.Raw {
		options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
		unknown = append(unknown, pruning.PruneWithOptions(obj, j.structural, true, options)...)
		defaulting.PruneNonNullableNullsWithoutDefaults(obj, j.structural)
		defaulting.Default(obj, j.structural)
	}
	var faults field.ErrorList
	doubles := listtype.ValidateListSetsAndMaps(nil, j.structural, obj)
	if old := decode(q.Old); old != nil {
		correlated := common.NewCorrelatedObject(obj, old, &model.Structural{Structural: j.structural})
		ratcheting := validation.WithRatcheting(correlated)
		faults = validation.ValidateCustomResourceUpdate(nil, obj, old, j.validator, ratcheting)
		if len(listtype.ValidateListSetsAndMaps(nil, j.structural, old)) > 0 {
			doubles = nil
		}
	} else {
		faults = validation.ValidateCustomResource(nil, obj, j.validator)
	}
	faults = append(faults, objectmeta.Validate(nil, obj, j.structural, false)...)
	return map[string]any{"unknown": unknown, "obj": obj, "errs": texts(append(faults, doubles...))}
}

func texts(faults field.ErrorList) []string {
	out := []string{}
	for _, fault := range faults {
		out = append(out, fmt.Sprintf("%s|%s|%s", string(fault.Type), fault.Field, fault.ErrorBody()))
	}
	sort.Strings(out)
	return out
}

func decode(text json.RawMessage) map[string]any {
	var value map[string]any
	if len(text) > 0 {
		check(utiljson.Unmarshal(text, &value))
	}
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
