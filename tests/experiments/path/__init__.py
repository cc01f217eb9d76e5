"""The study path: its scripts run, and its exercises have answers that hold."""
