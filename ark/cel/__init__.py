"""
The Common Expression Language as Kubernetes speaks it.

An expression is parsed, its macros are expanded, it is checked against declared types, its
worst cost is estimated, and it is compiled to closures once; evaluating it afterwards keeps
count of its cost.  L{ark.cel.environment.Environment} is where all of that is reached.

The package follows C{github.com/google/cel-go} v0.26.0 and C{k8s.io/apiserver/pkg/cel}
v0.36.3 in what is accepted, what it costs and what errors say.  It knows nothing of requests,
objects or storage: variables come in as values, and schemas as plain mappings.
"""
