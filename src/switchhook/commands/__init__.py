"""One module for each subcommand of `switchhook`; see `switchhook.cli`."""
