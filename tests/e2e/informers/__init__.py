"""
Whether the caches of client-go's informers equal the database, whatever happens in between.
"""
