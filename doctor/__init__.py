"""Looks at an installation from outside, running or broken, and says what is wrong and what to do.

Standard library alone, and Python 3.9: it must run where nothing else of QServer does.
"""
