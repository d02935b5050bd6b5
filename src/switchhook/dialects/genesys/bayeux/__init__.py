"""Bayeux 1.0 for the server side: long-polling, callback-polling and web sockets (genesys 7)."""
