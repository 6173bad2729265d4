"""The engine: everything a restore needs, without a screen. Nothing in here imports Textual."""
