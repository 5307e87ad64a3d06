package main

import (
	"context"
	"encoding/json"
	"math"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"

	celschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"

	"k8s.io/apimachinery/pkg/util/version"
)

type evaluateQuestion struct {
	Schema     json.RawMessage `json:"schema"`
	Root       bool            `json:"root"`
	Expression string          `json:"expression"`
	Self       json.RawMessage `json:"self"`
	OldSelf    json.RawMessage `json:"oldSelf"`
	Optional   bool            `json:"optionalOldSelf"`
}

type evaluateAnswer struct {
	CompileError string `json:"compileError,omitempty"`
	ProgramError string `json:"programError,omitempty"`
	Type         string `json:"type,omitempty"`
	Value        any    `json:"value,omitempty"`
	Error        string `json:"error,omitempty"`
	Cost         uint64 `json:"cost"`
	Least        uint64 `json:"least"`
	Most         uint64 `json:"most"`
}

// sizes tells the estimator how large the parts of self can be, as apiextensions does for its rules.
type sizes struct {
	root *apiservercel.DeclType
}

func (s *sizes) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	if len(element.Path()) == 0 {
		return nil
	}
	current := s.root
	for _, name := range element.Path()[1:] {
		switch name {
		case "@items", "@values":
			if current.ElemType == nil {
				return nil
			}
			current = current.ElemType
		case "@keys":
			if current.KeyType == nil {
				return nil
			}
			current = current.KeyType
		default:
			field, found := current.Fields[name]
			if !found || field.Type == nil {
				return nil
			}
			current = field.Type
		}
	}
	return &checker.SizeEstimate{Min: 0, Max: uint64(current.MaxElements)}
}

func (s *sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

func evaluate(raw json.RawMessage) (any, error) {
	var question evaluateQuestion
	if err := json.Unmarshal(raw, &question); err != nil {
		return nil, err
	}
	sts, err := structural(question.Schema)
	if err != nil {
		return nil, err
	}
	declared := model.SchemaDeclType(sts, question.Root)
	env, err := environmentFor(declared, question.Optional)
	if err != nil {
		return nil, err
	}
	result := evaluateAnswer{}
	compiled, issues := env.Compile(question.Expression)
	if issues != nil {
		result.CompileError = issues.String()
		return result, nil
	}
	result.Type = checker.FormatCELType(compiled.OutputType())
	estimator := &library.CostEstimator{SizeEstimator: &sizes{root: declared}}
	estimate, err := env.EstimateCost(compiled, estimator)
	if err != nil {
		return nil, err
	}
	result.Least, result.Most = estimate.Min, estimate.Max
	program, err := env.Program(compiled, cel.CostLimit(celconfig.PerCallLimit), cel.CostTracking(estimator),
		cel.InterruptCheckFrequency(celconfig.CheckFrequency))
	if err != nil {
		result.ProgramError = err.Error()
		return result, nil
	}
	variables, err := activation(question, sts)
	if err != nil {
		return nil, err
	}
	out, details, err := program.ContextEval(context.Background(), variables)
	if details != nil && details.ActualCost() != nil {
		result.Cost = *details.ActualCost()
	} else {
		result.Cost = math.MaxUint64
	}
	if err != nil {
		result.Error = err.Error()
	} else {
		result.Value = described(out)
	}
	return result, nil
}

func environmentFor(declared *apiservercel.DeclType, optional bool) (*cel.Env, error) {
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	scoped := declared.MaybeAssignTypeName("selfType")
	old := scoped.CelType()
	if optional {
		old = types.NewOptionalType(old)
	}
	set, err := base.Extend(
		environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions:        []cel.EnvOption{cel.Variable(celschema.ScopedVarName, scoped.CelType())},
			DeclTypes:         []*apiservercel.DeclType{scoped},
		},
		environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 24),
			EnvOptions:        []cel.EnvOption{cel.Variable(celschema.OldScopedVarName, old)},
		},
	)
	if err != nil {
		return nil, err
	}
	return set.StoredExpressionsEnv(), nil
}
