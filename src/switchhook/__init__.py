"""Switchhook: a call-control server for real telephones, steered over HTTP."""

__version__ = "0.1.0"
