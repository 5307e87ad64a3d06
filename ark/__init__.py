"""
An API server for Ark's resources that keeps its data in SQL.

The package is laid out along the way of a request: C{http} (the edge),
C{authentication}, C{authorization}, C{endpoints}, C{admission}, C{registry},
C{storage}, and beside it C{watch}.  C{docs/explanation/architecture.md} draws that way.
"""

__version__ = "0.1.0"
