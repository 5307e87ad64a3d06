// Command argocd tries the engine of Argo CD's controller against a server.
package main

import "ark-apiserver/tests/clients/rule"

func main() {
	rule.Main(engineRules)
}
