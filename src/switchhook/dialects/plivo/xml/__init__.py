"""Documents: what a URL answers, read into values."""
