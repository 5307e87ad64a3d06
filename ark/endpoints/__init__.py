"""
The verbs: what is asked, in which form the answer is wanted, and which store does it.

It owns the reading of parameters and bodies and the making of answers.  It must not
know HTTP framing, nor how anything is stored.
"""
