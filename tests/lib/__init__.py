"""Doubles and drawing tools for tests; no tests in here."""
