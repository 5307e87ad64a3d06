"""
What may change or refuse an object on its way to storage.

It owns the order of admission and the attributes that plug-ins see.  It must not know
how objects are stored or sent.
"""
