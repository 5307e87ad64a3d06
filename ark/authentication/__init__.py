"""
Who makes a request.

Owns L{UserInfo<ark.authentication.userinfo.UserInfo>}, the ways to find one out (front
proxy, client certificate, bearer token, nobody), whose certificates are believed for each
of them, and the certificates and kubeconfig that a standalone server makes for itself.
Judges from the header of a request and its connection alone, in a cluster with what the
cluster says of a token.  Must not know what a user may do, nor what is asked for.
"""
