"""What people do without QServer, as a capable engineer would do it."""
