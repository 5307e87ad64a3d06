package main

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"ark-apiserver/tests/clients/rule"
)

// Query and Agent are as much of Ark's types as a small controller needs.
type Query struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              QuerySpec   `json:"spec,omitempty"`
	Status            QueryStatus `json:"status,omitempty"`
}

type QuerySpec struct {
	Input   string           `json:"input"`
	Target  *Target          `json:"target,omitempty"`
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

type Target struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type QueryStatus struct {
	Phase      string             `json:"phase,omitempty"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

type QueryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Query `json:"items"`
}

type Agent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              AgentSpec `json:"spec,omitempty"`
}

type AgentSpec struct {
	Prompt   string `json:"prompt,omitempty"`
	ModelRef *Named `json:"modelRef,omitempty"`
}

type Named struct {
	Name string `json:"name"`
}

type AgentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Agent `json:"items"`
}

func (q *Query) DeepCopyObject() runtime.Object     { return copied(q) }
func (q *QueryList) DeepCopyObject() runtime.Object { return copied(q) }
func (a *Agent) DeepCopyObject() runtime.Object     { return copied(a) }
func (a *AgentList) DeepCopyObject() runtime.Object { return copied(a) }

func copied[O any](from *O) *O {
	text, err := json.Marshal(from)
	if err != nil {
		panic(err)
	}
	made := new(O)
	if err := json.Unmarshal(text, made); err != nil {
		panic(err)
	}
	return made
}

// known are the types of this program and those of client-go.
var known = func() *runtime.Scheme {
	made := runtime.NewScheme()
	if err := scheme.AddToScheme(made); err != nil {
		panic(err)
	}
	made.AddKnownTypes(rule.Ark, &Query{}, &QueryList{}, &Agent{}, &AgentList{})
	metav1.AddToGroupVersion(made, rule.Ark)
	return made
}()

func newQuery(t *rule.T, name string) *Query {
	return &Query{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: name},
		Spec: QuerySpec{Input: "Will it rain?", Target: &Target{Type: "agent", Name: "weather"},
			Timeout: &metav1.Duration{Duration: 5 * time.Minute}},
	}
}

func newAgent(t *rule.T, name, model string) *Agent {
	return &Agent{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: name},
		Spec:       AgentSpec{Prompt: "Be brief.", ModelRef: &Named{Name: model}},
	}
}
