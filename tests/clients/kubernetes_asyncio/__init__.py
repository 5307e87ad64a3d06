"""
Rules of C{kubernetes_asyncio}, the client of Ark's own API service.
"""
