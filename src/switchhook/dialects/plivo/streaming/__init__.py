"""Audio streams of Plivo calls: their arguments, their status callbacks and their REST resource (plivo-xml 4)."""
