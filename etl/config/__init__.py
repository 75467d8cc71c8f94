"""Typed settings from one YAML file; every mistake is reported at once, with file, path and key."""
