"""The runnable server: settings, wiring, endpoints, workers."""
