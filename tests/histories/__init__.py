"""
Histories: clients and watchers of several replicas on one database, faults, and what must be true afterwards.

C{python -m tests.histories} plays one.  The checkers know nothing of how a history came about,
and are themselves tried on histories that cannot be.
"""
