"""Altered hand-ins of lesson 05, a module for each kind; `making` says what a case is."""
