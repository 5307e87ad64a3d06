package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/environment"
)

const budget = 10_000_000

type admitQuestion struct {
	Expression string            `json:"expression"`
	Variables  []namedText       `json:"variables"`
	Object     json.RawMessage   `json:"object"`
	OldObject  json.RawMessage   `json:"oldObject"`
	Params     json.RawMessage   `json:"params"`
	Namespace  *corev1.Namespace `json:"namespace"`
	Patches    bool              `json:"patches"`
	Types      []string          `json:"types"`
}

type namedText struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

func (n namedText) GetName() string            { return n.Name }
func (n namedText) GetExpression() string      { return n.Expression }
func (n namedText) ReturnTypes() []*celgo.Type { return []*celgo.Type{celgo.AnyType} }

// rights allows what begins with "get", has an error for "fail" and tells what it was asked.
type rights struct{}

func (rights) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	told := fmt.Sprintf("%s %s %s %s %s %s %s %s %s", a.GetUser().GetName(), a.GetVerb(), a.GetPath(), a.GetAPIGroup(),
		a.GetAPIVersion(), a.GetResource(), a.GetSubresource(), a.GetNamespace(), a.GetName())
	if fields, err := a.GetFieldSelector(); err == nil {
		for _, each := range fields {
			told += fmt.Sprintf(" %s%s%s", each.Field, each.Operator, each.Value)
		}
	}
	if labels, err := a.GetLabelSelector(); err == nil {
		for _, each := range labels {
			told += " " + each.String()
		}
	}
	switch a.GetVerb() {
	case "get":
		return authorizer.DecisionAllow, told, nil
	case "fail":
		return authorizer.DecisionNoOpinion, "", errors.New("cannot tell")
	case "deny":
		return authorizer.DecisionDeny, told, nil
	}
	return authorizer.DecisionNoOpinion, told, nil
}

func unstructuredObject(raw json.RawMessage) (runtime.Object, error) {
	decoded, err := value(raw)
	if decoded == nil || err != nil {
		return nil, err
	}
	return &unstructured.Unstructured{Object: decoded.(map[string]any)}, nil
}

// admit evaluates an expression of a policy.
func admit(raw json.RawMessage) (any, error) {
	var question admitQuestion
	if err := json.Unmarshal(raw, &question); err != nil {
		return nil, err
	}
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	options := plugincel.OptionalVariableDeclarations{HasParams: true, HasAuthorizer: true}
	for _, variable := range question.Variables {
		compiler.CompileAndStoreVariable(variable, options, environment.StoredExpressions)
	}
	options.HasPatchTypes = question.Patches
	accessor := namedText{Expression: question.Expression}
	compiled := compiler.CompileCELExpression(accessor, options, environment.StoredExpressions)
	answer := evaluateAnswer{}
	if compiled.Error != nil {
		answer.CompileError = compiled.Error.Error()
		return answer, nil
	}
	answer.Type = checker.FormatCELType(compiled.OutputType)
	attributes, err := attributesOf(question)
	if err != nil {
		return nil, err
	}
	params, err := unstructuredObject(question.Params)
	if err != nil {
		return nil, err
	}
	evaluator := compiler.CompileMutatingEvaluator(accessor, options, environment.StoredExpressions)
	kind := metav1.GroupVersionKind(attributes.VersionedKind)
	request := plugincel.CreateAdmissionRequest(attributes.Attributes, metav1.GroupVersionResource(attributes.GetResource()), kind)
	given := plugincel.OptionalVariableBindings{Authorizer: rights{}}
	if params != nil {
		given.VersionedParams = params
	}
	result, left, err := evaluator.ForInput(compiler.CreateContext(context.Background()), attributes, request, given,
		plugincel.CreateNamespaceObject(question.Namespace), budget)
	if err != nil {
		answer.Error, answer.Cost = err.Error(), math.MaxUint64
		return answer, nil
	}
	answer.Cost = uint64(budget - left)
	if result.Error != nil {
		answer.Error = result.Error.Error()
	} else {
		answer.Value = described(result.EvalResult)
	}
	return answer, nil
}

func attributesOf(question admitQuestion) (*admission.VersionedAttributes, error) {
	object, err := unstructuredObject(question.Object)
	if err != nil {
		return nil, err
	}
	old, err := unstructuredObject(question.OldObject)
	if err != nil {
		return nil, err
	}
	gvk := schema.GroupVersionKind{Group: "g", Version: "v1", Kind: "Thing"}
	gvr := schema.GroupVersionResource{Group: "g", Version: "v1", Resource: "things"}
	who := &user.DefaultInfo{Name: "me", Groups: []string{"some"}}
	options := &metav1.CreateOptions{TypeMeta: metav1.TypeMeta{Kind: "CreateOptions", APIVersion: "meta.k8s.io/v1"}}
	record := admission.NewAttributesRecord(object, old, gvk, "default", "one", gvr, "", admission.Create, options, false, who)
	made := &admission.VersionedAttributes{Attributes: record, VersionedKind: gvk}
	if object != nil {
		made.VersionedObject = object
	}
	if old != nil {
		made.VersionedOldObject = old
	}
	return made, nil
}
