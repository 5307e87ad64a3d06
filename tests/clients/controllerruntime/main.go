// Command controllerruntime tries controller-runtime against a server: a small controller, and every way of writing.
package main

import (
	"maps"

	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"ark-apiserver/tests/clients/rule"
)

func main() {
	log.SetLogger(klog.Background())
	rules := rule.Rules{}
	for _, some := range []rule.Rules{writingRules, controllerRules, cacheRules, habitRules} {
		maps.Copy(rules, some)
	}
	rule.Main(rules)
}
