"""The same bytes on every engine. Needs `make engines`; what is missing is skipped, with the reason."""
