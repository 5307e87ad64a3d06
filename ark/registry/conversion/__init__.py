"""
Objects of one version of a custom resource as another version has them, where a webhook
says what that is (C{spec.conversion} of a definition with the strategy C{Webhook}).

Owns what is asked of the webhook, what of its answer is believed, and the answers that are
remembered.  Must not know how objects are stored, nor who asks for them.
"""
