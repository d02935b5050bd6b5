"""`switchhook demo`: a real server, virtual telephones over real SIP and RTP, six transfers, what everybody heard."""
