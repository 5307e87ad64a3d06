// Command clientgo tries client-go's own machinery against a server.
package main

import (
	"maps"

	"ark-apiserver/tests/clients/rule"
)

func main() {
	rules := rule.Rules{}
	for _, some := range []rule.Rules{
		dynamicRules, typedRules, applyRules, electionRules, discoveryRules, listRules, recorderRules, informerRules} {
		maps.Copy(rules, some)
	}
	rule.Main(rules)
}
