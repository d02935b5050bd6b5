"""Multi-Party Calls: the element, the REST resources, and what is told of them (plivo-voice-api 10, plivo-xml 2.9)."""
