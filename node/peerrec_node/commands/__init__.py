"""Offer what a person does with their own store, one module per group of commands."""
