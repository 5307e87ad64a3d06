"""
What is special about CustomResourceDefinitions: how they are read, judged and written.

Follows C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions} and
C{pkg/registry/customresourcedefinition}.  It must not know who serves the kinds that they
define.
"""
