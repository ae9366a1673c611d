"""Grading hand-ins that are not trusted: read, rebuilt from the master, asked, judged elsewhere."""
