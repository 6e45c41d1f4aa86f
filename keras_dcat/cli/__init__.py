"""What the command line does: `keras_dcat_command` has its commands."""
