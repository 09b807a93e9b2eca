"""Finished runs beside published figures."""
