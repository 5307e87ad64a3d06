// Command flux tries the library of Flux's kustomize-controller against a server.
package main

import "ark-apiserver/tests/clients/rule"

func main() {
	rule.Main(fluxRules)
}
