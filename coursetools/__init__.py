"""What authors and graders run: build, check, run and measure the course's lessons.

Nothing is imported here: the pytest plugin is loaded into every pytest run of this environment.
"""
