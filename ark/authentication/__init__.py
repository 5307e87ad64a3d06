"""
Who makes a request.

Owns L{UserInfo<ark.authentication.userinfo.UserInfo>}, the ways to find one out (client
certificate, bearer token, nobody), and the certificates and kubeconfig that a
standalone server makes for itself.  Judges from the header of a request and its
connection alone.  Must not know what a user may do, nor what is asked for.
"""
