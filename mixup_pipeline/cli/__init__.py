"""The commands: they translate flags into values, show progress and map errors to exit codes. Nothing else."""
