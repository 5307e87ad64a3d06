package main

import (
	"context"
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	celschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
)

type cause struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

func causes(errors field.ErrorList) []cause {
	told := []cause{}
	for _, err := range errors {
		told = append(told, cause{Reason: string(err.Type), Message: err.ErrorBody(), Field: err.Field})
	}
	return told
}

type validateAnswer struct {
	Causes []cause `json:"causes"`
	Left   int64   `json:"left"`
}

// validate runs the rules of a whole schema on an object.
func validate(raw json.RawMessage) (any, error) {
	var question struct {
		Schema json.RawMessage `json:"schema"`
		Root   bool            `json:"root"`
		Self   json.RawMessage `json:"self"`
		Old    json.RawMessage `json:"oldSelf"`
		Budget int64           `json:"budget"`
	}
	if err := json.Unmarshal(raw, &question); err != nil {
		return nil, err
	}
	sts, err := structural(question.Schema)
	if err != nil {
		return nil, err
	}
	self, err := value(question.Self)
	if err != nil {
		return nil, err
	}
	old, err := value(question.Old)
	if err != nil {
		return nil, err
	}
	if question.Budget == 0 {
		question.Budget = celconfig.RuntimeCELCostBudget
	}
	validator := celschema.NewValidator(sts, question.Root, celconfig.PerCallLimit)
	if validator == nil {
		return validateAnswer{Causes: []cause{}, Left: question.Budget}, nil
	}
	options := []celschema.Option{}
	if old != nil {
		options = append(options, celschema.WithRatcheting(common.NewCorrelatedObject(self, old, &model.Structural{Structural: sts})))
	}
	errors, left := validator.Validate(context.Background(), nil, sts, self, old, question.Budget, options...)
	return validateAnswer{Causes: causes(errors), Left: left}, nil
}

var scheme = runtime.NewScheme()

func init() {
	install.Install(scheme)
}

// define says what is wrong with a definition.
func define(raw json.RawMessage) (any, error) {
	var question struct {
		Definition v1.CustomResourceDefinition `json:"definition"`
	}
	if err := json.Unmarshal(raw, &question); err != nil {
		return nil, err
	}
	scheme.Default(&question.Definition)
	var internal apiextensions.CustomResourceDefinition
	if err := scheme.Convert(&question.Definition, &internal, nil); err != nil {
		return nil, err
	}
	internal.Status.StoredVersions = nil
	for _, version := range internal.Spec.Versions {
		if version.Storage {
			internal.Status.StoredVersions = append(internal.Status.StoredVersions, version.Name)
		}
	}
	return map[string]any{"causes": causes(validation.ValidateCustomResourceDefinition(context.Background(), &internal))}, nil
}
