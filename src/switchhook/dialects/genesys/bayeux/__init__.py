"""Bayeux 1.0 for the server side: long-polling and callback-polling (genesys 7)."""
