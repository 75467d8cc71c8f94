"""What engineers ask in an incident, with the habits of kubectl: events, and the story of an object.

Reads the lake's views by the statements of ``sql/incident``; says what it found as text, as
the API's own objects, as JSON or as a page.
"""
