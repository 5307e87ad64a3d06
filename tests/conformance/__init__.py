"""
What clients may rely on: the clauses, the page that lists them, and the tests that no other package has.
"""
