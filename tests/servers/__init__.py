"""Private real servers: started by the tests on free ports, with folders of their own, and always ended."""
