"""Who may teach: gates, and what is known of a source on windows it has not seen."""
