"""
The edge: HTTP/1.1 and HTTP/2 over TLS, and the way of a request to its verb.

It owns connections, framing, flow control and the limits on what a client may cost
(L{ark.http.site}, L{ark.http.h1}, L{ark.http.h2}, L{ark.http.tls}), the one L{request
<ark.http.request.Request>} that both protocols make, and the chain of filters and the
routes that it passes (L{ark.http.chain}, L{ark.http.root}).

The protocols know nothing of Kubernetes but the C{Status} object in which they refuse;
nothing here knows where objects are kept.
"""
