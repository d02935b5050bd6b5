"""What the REST API does to live calls and conferences: one noun a file (plivo-voice-api 5 and 9)."""
