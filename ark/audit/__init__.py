"""
The audit log: who asked for what, when, and what came of it.

It owns the policy that says what is told of which request (L{ark.audit.policy}), the
C{audit.k8s.io/v1} events (L{ark.audit.event}) and the file that they are written to
(L{ark.audit.log}), by a thread of its own.

It knows users and what they want to do; it must not know connections, nor what verbs do.
"""
