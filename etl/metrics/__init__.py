"""What a run and its lake look like from outside: gauges and counters in Prometheus' words."""
