"""The terminal application: entry point, command line, App, theme, command palette."""
