"""
Webhooks that change or refuse writes (C{admissionregistration.k8s.io/v1}; contract 16.2 to 16.9).

Owns which webhooks there are and which writes they want, what they are asked and what of their
answers is believed.  Must not know how objects are stored, nor how connections are made.
"""
