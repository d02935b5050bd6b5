"""The audio: a control client in the server's loop, and three processes that never wait for it (see `pump`)."""
