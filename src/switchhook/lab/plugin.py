"""The pytest plugin: fixtures that give a test a telephone exchange and telephones with ears."""
