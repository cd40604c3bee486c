"""Stepmark: process supervision as one loop."""
