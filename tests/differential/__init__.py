"""
The same requests to two servers, in the same order, and every difference between their answers.

Owns the generated programs of requests, the driver, the comparison and the list of accepted differences.
Knows nothing of either server but its address.
"""
