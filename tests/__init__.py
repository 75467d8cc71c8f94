"""The tests, by kind: see README.md, "Develop"; tests/lib holds what they share."""
