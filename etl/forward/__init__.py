"""New observations of the lake to Kafka, Elasticsearch, OpenSearch, HTTP, a file or standard output.

At least once, in order, from a position that each target has of its own in the lake.
"""
