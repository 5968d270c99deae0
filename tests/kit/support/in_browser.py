"""Which browser tests use, and how."""

from __future__ import annotations

__all__ = ["BROWSERS", "FLAGS", "SECONDS"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SECONDS = 60
"""What a browser may take for one thing."""
