"""
The chart, the manifests and the image: that they say what they should, and do it.

What is made of the chart is made by L{tests.helm.chart} and L{tests.helm.kustomize}; C{make docs} writes it.
"""
