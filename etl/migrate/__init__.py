"""What a team brings along from other exporters, to our configuration: their settings, their templates, their indices."""
