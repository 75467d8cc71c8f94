"""Whether a configuration works here and now: cluster, schedule, lake, receivers; each asked, nothing changed or sent."""
