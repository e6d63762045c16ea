"""The command line `qserver`: the client for people at a terminal and for scripts. Needs the extra `cli`."""
